//! The receiving side of TLS for peers that a test makes itself.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use crate::certificates::{Authority, Leaf};

/// Shows this certificate; with `clients`, wants one of ours that this authority has signed.
pub(crate) fn acceptor(leaf: &Leaf, clients: Option<&Authority>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots
                .add(CertificateDer::from_pem_file(&authority.file).unwrap())
                .unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap(),
            )
        }
    };
    let config = builder
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&leaf.certificate).unwrap()],
            PrivateKeyDer::from_pem_file(&leaf.key).unwrap(),
        )
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
