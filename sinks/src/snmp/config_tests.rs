//! Sections that are read as they were meant, and sections that are refused in words.

use super::*;

fn read(section: &str) -> Result<Config, String> {
    toml::from_str(section).map_err(|error: toml::de::Error| error.message().to_owned())
}

const V2C: &str = r#"
target = "udp:nms.example:162"
version = "v2c"
community_file = "/nonexistent/community"
"#;

const V3: &str = r#"
target = "udp:[2001:db8::1]:162"
version = "v3"
user = "vrwatch"
auth = { protocol = "sha256", password_file = "/nonexistent/auth" }
"#;

#[test]
fn what_is_left_out_is_an_inform_in_our_mib() {
    for section in [V2C, V3] {
        let config = read(section).unwrap();
        assert_eq!(config.kind, NotificationKind::Inform);
        assert_eq!(config.mib, Mib::Vrwatch);
        assert_eq!(config.timeout, Duration::from_secs(5));
    }
}

#[test]
fn every_protocol_is_read_by_its_name() {
    for (name, auth) in [
        ("sha1", AuthProtocol::Sha1),
        ("sha224", AuthProtocol::Sha224),
        ("sha256", AuthProtocol::Sha256),
        ("sha384", AuthProtocol::Sha384),
        ("sha512", AuthProtocol::Sha512),
    ] {
        for (privacy_name, privacy) in [
            ("aes128", PrivacyProtocol::Aes128),
            ("aes256", PrivacyProtocol::Aes256),
            ("aes256-cisco", PrivacyProtocol::Aes256Cisco),
        ] {
            let section = format!(
                "{}priv = {{ protocol = \"{privacy_name}\", password_file = \"/nonexistent/p\" }}",
                V3.replace("sha256", name)
            );
            let Security::User(user) = read(&section).unwrap().security else {
                panic!("no user")
            };
            assert_eq!(user.auth.protocol, auth);
            assert_eq!(user.privacy.unwrap().protocol, privacy);
        }
    }
}

#[test]
fn the_place_of_the_router_is_read_for_cloudstacks_mib() {
    let section = format!("{V2C}mib = \"cloudstack\"\ndata_center_id = 1\npod_id = 2\n");
    assert_eq!(
        read(&section).unwrap().mib,
        Mib::Cloudstack(Place {
            data_center: 1,
            pod: 2,
            cluster: 0
        })
    );
}

#[test]
fn what_cannot_work_is_refused_in_words() {
    let with = |base: &str, more: &str| format!("{base}{more}\n");
    for (section, words) in [
        (V2C.replace("udp:", "tcp:"), "udp:HOST:PORT"),
        (V2C.replace(":162", ""), "has no port"),
        (V2C.replace(":162", ":0"), "bad port"),
        (V2C.replace("\"v2c\"", "\"v1\""), "v2c"),
        (V2C.replace("community_file", "#"), "needs `community_file`"),
        (V2C.replace("/nonexistent/", ""), "absolute path"),
        (V3.replace("user =", "# "), "needs `user`"),
        (V3.replace("auth =", "# "), "needs `auth`"),
        (V3.replace("\"vrwatch\"", "\"\""), "1 to 32 bytes"),
        (V3.replace("sha256", "md5"), "sha256"),
        (with(V2C, "user = \"me\""), "`user` has no meaning"),
        (
            with(V2C, "engine_id = \"0x8000000001\""),
            "`engine_id` has no meaning",
        ),
        (
            with(V3, "community_file = \"/c\""),
            "`community_file` has no meaning",
        ),
        (
            with(V3, "engine_id = \"0x8000000001\""),
            "kind = \"inform\"",
        ),
        (
            with(V3, "kind = \"trap\"\nengine_id = \"router\""),
            "5 to 32 octets",
        ),
        (with(V2C, "pod_id = 1"), "only with mib = \"cloudstack\""),
        (with(V2C, "timeout = \"16s\""), "100ms to 15s"),
        (with(V2C, "timeout = \"99ms\""), "100ms to 15s"),
        (with(V2C, "kind = \"carrier\""), "carrier"),
    ] {
        match read(&section) {
            Err(error) => assert!(error.contains(words), "{error}\n{section}"),
            Ok(config) => panic!("{config:?}\n{section}"),
        }
    }
}

#[test]
fn an_error_of_one_value_points_at_it() {
    let section = V2C.replace("udp:nms.example:162", "udp:nms.example");
    let error = toml::from_str::<Config>(&section).unwrap_err();
    assert_eq!(&section[error.span().unwrap()], "\"udp:nms.example\"");
}
