//! An encrypted connection to a broker whose certificate was signed by an authority of one's own.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sinaesta_bus::{Bus, login};
use sinaesta_testkit::TestNats;

/// Writes an authority's certificate, and a server's that it signed, with its key.
fn certificates(folder: &Path) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = authority.self_signed(&authority_key).unwrap();
    std::fs::write(folder.join("ca.crt"), certificate.pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(folder.join("tls.crt"), server.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn a_connection_can_be_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let tls = format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}", file("tls.crt"), file("tls.key"));
    let nats = TestNats::start_with(tls).await.unwrap();
    let mut settings = nats.settings().unwrap();
    settings.nats.url = settings.nats.url.replace("nats://", "tls://");
    settings.nats.tls_ca_file = file("ca.crt");
    let bus = Bus::connect("chat", &settings.nats, &settings.bus).await.unwrap();
    bus.check().await.unwrap();
    // Whose certificate nobody we know has signed is nobody we talk to.
    settings.nats.tls_ca_file = String::new();
    let error = login("chat", &settings.nats).connect(&settings.nats.url).await.unwrap_err();
    assert!(format!("{error:?}").contains("UnknownIssuer"), "{error:?}");
}
