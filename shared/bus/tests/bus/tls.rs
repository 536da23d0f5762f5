//! An encrypted connection to a broker whose certificate was signed by an authority of one's own.

use sinaesta_bus::{Bus, login};
use sinaesta_testkit::{TestNats, certificates};

#[tokio::test]
async fn a_connection_can_be_encrypted() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path()).unwrap();
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
