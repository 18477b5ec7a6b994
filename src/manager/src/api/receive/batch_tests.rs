//! What is said of a batch before and after it is believed.

use proptest::prelude::*;

use super::*;
use crate::api::trial;

#[test]
fn the_claim_is_read_without_reading_what_follows() {
    for (json, router) in [
        (r#"[{"source":"/vrwatch/r-1"},!!!"#, "r-1"),
        (
            r#" [ {"source":"\/vrwatch\/r%201","x":{"source":"y"}} ]"#,
            "r 1",
        ),
        (r#"[{"x":[1,{}],"source":"/vrwatch/r%c3%BC"}]"#, "rü"),
    ] {
        let claimed = claimed_router(json.as_bytes(), Form::Batch).unwrap();
        assert_eq!(claimed.as_deref(), Some(router));
    }
    assert_eq!(claimed_router(b"[ ]", Form::Batch).unwrap(), None);
}

#[test]
fn a_source_that_names_no_router_is_refused() {
    for source in [
        "",
        "r-1",
        "/vrwatch",
        "/vrwatch/",
        "/vrwatch/%",
        "/vrwatch/%4",
        "/vrwatch/%zz",
        "/vrwatch/%ff",
        "/vrwatch/a%0Ab",
        "/vrwatch/%00",
        "/vrwatch/%+1",
    ] {
        assert!(router_of(source).is_err(), "{source}");
    }
    assert!(router_of(&format!("/vrwatch/{}", "x".repeat(256))).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for form in [Form::Single, Form::Batch] {
            let _ = claimed_router(&bytes, form);
            let _ = events(&bytes, form, "r-42-VM");
        }
    }

    #[test]
    fn a_batch_with_one_byte_changed_is_read_or_refused(place in 0_usize..400, byte in any::<u8>()) {
        let mut json = trial::batch(&["e-1", "e-2"]);
        let length = json.len();
        json[place % length] = byte;
        let _ = claimed_router(&json, Form::Batch);
        if let Ok((read, _)) = events(&json, Form::Batch, "r-42-VM") {
            prop_assert!(read.iter().all(|event| event.router == "r-42-VM"));
        }
    }
}
