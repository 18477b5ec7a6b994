//! TLS: a certificate that is renewed, and clients that do not speak it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::*;

/// Writes a certificate and its key by a new authority, whom it gives.
fn issue(folder: &Path) -> RootCertStore {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &authority).unwrap();
    fs::write(folder.join("cert.pem"), leaf.pem()).unwrap();
    fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    fs::set_permissions(folder.join("key.pem"), Permissions::from_mode(0o600)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    roots
}

fn files(folder: &Path) -> TlsConfig {
    TlsConfig {
        certificate_file: folder.join("cert.pem"),
        key_file: folder.join("key.pem"),
    }
}

async fn hello(world: &World, roots: &RootCertStore) -> std::io::Result<String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, world.connect().await).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    timeout(GENEROUS, stream.read_to_string(&mut answer))
        .await
        .unwrap()?;
    Ok(answer)
}

#[tokio::test]
async fn over_tls_the_same_is_answered_and_others_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let roots = issue(folder.path());
    let config = Config {
        tls: Some(files(folder.path())),
        ..impatient()
    };
    let world = World::serving(config, app());
    let answer = hello(&world, &roots).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"),
        "{answer}"
    );
    let mut plain = world.connect().await;
    plain.write_all(HELLO).await.unwrap();
    assert!(is_closed_after_an_answer(&mut plain).await);
    let mut halfway = world.connect().await;
    halfway.write_all(b"\x16\x03\x01").await.unwrap();
    assert!(is_closed(&mut halfway).await);
    assert!(hello(&world, &RootCertStore::empty()).await.is_err());
    assert!(hello(&world, &roots).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let tls = Tls::load(files(folder.path())).unwrap();
    let config = |tls: &Tls| Arc::as_ptr(tls.acceptor().config()) as usize;
    let first = config(&tls);
    let renewed = tempfile::tempdir().unwrap();
    issue(renewed.path());
    fs::copy(
        renewed.path().join("cert.pem"),
        folder.path().join("cert.pem"),
    )
    .unwrap();
    tokio::time::advance(Duration::from_secs(11)).await;
    // The key is still the old one's.
    assert_eq!(config(&tls), first);
    fs::copy(
        renewed.path().join("key.pem"),
        folder.path().join("key.pem"),
    )
    .unwrap();
    assert_eq!(config(&tls), first);
    tokio::time::advance(Duration::from_secs(11)).await;
    assert_ne!(config(&tls), first);
}

#[test]
fn files_of_no_use_are_told_by_the_key_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let error = |files| match Tls::load(files) {
        Ok(_) => panic!("taken"),
        Err(error) => error.to_string(),
    };
    let good = files(folder.path());
    let swapped = TlsConfig {
        certificate_file: good.key_file.clone(),
        ..good.clone()
    };
    assert!(error(swapped).contains("`certificate_file`"));
    fs::set_permissions(&good.key_file, Permissions::from_mode(0o640)).unwrap();
    let exposed = error(good.clone());
    assert!(exposed.contains("chmod 0600"), "{exposed}");
    fs::remove_file(&good.key_file).unwrap();
    assert!(error(good).contains("`key_file`"));
}
