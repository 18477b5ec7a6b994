//! How one record lies on disk: magic, length, checksum, payload. The magic holds bytes that no
//! UTF-8 text has, so a payload can never be mistaken for the start of a record.

/// What every record starts with.
pub(crate) const MAGIC: [u8; 4] = [0xF7, b'V', b'R', 0xFE];

/// Bytes before the payload: magic, length (little endian), CRC-32 (little endian).
pub(crate) const HEADER: usize = 12;

/// The longest payload that is written or believed, in bytes.
pub(crate) const MAX_PAYLOAD: usize = 1024 * 1024;

/// A header that looks right; whether the payload matches is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The payload's length in bytes.
    pub(crate) length: usize,
    checksum: u32,
}

impl Header {
    /// Reads the first [`HEADER`] bytes; `None` when no record can start so.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let (checksum, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        (*magic == MAGIC && length <= MAX_PAYLOAD).then_some(Self {
            length,
            checksum: u32::from_le_bytes(*checksum),
        })
    }

    /// Whether this is the payload that was written under this header.
    pub(crate) fn fits(self, payload: &[u8]) -> bool {
        payload.len() == self.length && checksum(payload) == Some(self.checksum)
    }
}

/// Appends one record to `out`; false, and nothing appended, when the payload is too long.
pub(crate) fn seal(payload: &[u8], out: &mut Vec<u8>) -> bool {
    let (Ok(length), Some(checksum)) = (u32::try_from(payload.len()), checksum(payload)) else {
        return false;
    };
    if payload.len() > MAX_PAYLOAD {
        return false;
    }
    out.reserve(HEADER + payload.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(payload);
    true
}

/// Over length and payload, so that a flipped length never passes.
fn checksum(payload: &[u8]) -> Option<u32> {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&u32::try_from(payload.len()).ok()?.to_le_bytes());
    hasher.update(payload);
    Some(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_believed_only_when_no_bit_of_it_changed() {
        let mut sealed = Vec::new();
        assert!(seal(br#"{"events":[]}"#, &mut sealed));
        let good = Header::read(&sealed).unwrap();
        assert!(good.fits(&sealed[HEADER..]));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let believed = Header::read(&flipped).is_some_and(|header| {
                flipped
                    .get(HEADER..HEADER + header.length)
                    .is_some_and(|payload| header.fits(payload))
            });
            assert!(!believed, "bit {bit}");
        }
    }

    #[test]
    fn a_payload_that_no_reader_would_believe_is_not_sealed() {
        let mut sealed = Vec::new();
        assert!(!seal(&vec![b' '; MAX_PAYLOAD + 1], &mut sealed));
        assert!(sealed.is_empty());
    }
}
