//! Secrets of development, and where they may be used.

use std::net::IpAddr;

use secrecy::ExposeSecret as _;
use url::Url;

use crate::Settings;
use crate::rules::Rules;

/// How the secrets begin that stand in `docker-compose.yml` and `.env.example`, which are public.
const KNOWN_SECRET: &str = "development-only";

/// Where others can connect, a public secret makes anyone an administrator.
pub(crate) fn rules(settings: &Settings, rules: &mut Rules) {
    let host = settings.gateway.reached_at();
    let is_public = !is_loopback(host);
    let url = Url::parse(settings.database.url.expose_secret()).ok();
    let secrets = [
        ("auth.jwt_secret", settings.auth.jwt_secret.expose_secret()),
        ("nats.password", settings.nats.password.expose_secret()),
        ("database.url", url.as_ref().and_then(Url::password).unwrap_or_default()),
        ("database.role_password", settings.database.role_password.expose_secret()),
    ];
    for (key, secret) in secrets {
        let problem = (is_public && secret.starts_with(KNOWN_SECRET)).then(|| {
            format!(
                "is the one for development, which everybody knows, and the gateway is published on {host} \
                 (gateway.published_host, else gateway.host): choose another, or publish it on 127.0.0.1"
            )
        });
        rules.require(key, format!("`{KNOWN_SECRET}…` on the loopback alone"), problem);
    }
}

/// Whether a host is this machine alone. A name other than `localhost` may be anything.
pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.to_canonical().is_loopback())
}
