use anyhow::Context as _;
use secrecy::SecretString;
use sinaesta_auth::{Identity, mint};
use sinaesta_clock::Clock;
use sinaesta_contracts::UserId;
use sinaesta_localstack::Roles;
use time::Duration;
use uuid::Uuid;

use crate::seed::{ADMIN, DemoUser, MENTOR, STUDENT};

/// Long enough that a token copied into a client still works next week.
const LIFETIME: Duration = Duration::days(30);

/// A token for each of the three demo users.
pub(crate) fn for_demo_users(secret: &SecretString, clock: &Clock) -> anyhow::Result<Roles> {
    let token = |user: &DemoUser| {
        let identity = Identity {
            user_id: UserId::from(Uuid::parse_str(user.id)?),
            name: user.name.to_owned(),
            email: Some(user.email.to_owned()),
            role: user.role,
            specialty: user.specialty.map(str::to_owned),
            avatar: None,
            issued_at: Some(clock.now()),
            expires_at: clock.now() + LIFETIME,
        };
        mint(secret, &identity).context("no demo token could be made")
    };
    Ok(Roles { student: token(&STUDENT)?, mentor: token(&MENTOR)?, admin: token(&ADMIN)? })
}

#[cfg(test)]
mod tests {
    use sinaesta_auth::Verifier;
    use sinaesta_settings::Settings;

    use super::*;

    #[tokio::test]
    async fn each_token_is_the_demo_users_own() {
        let secret = "0123456789abcdef0123456789abcdef".to_owned();
        let settings = Settings::load(&[("auth.jwt_secret", secret.clone())]).unwrap();
        let tokens = for_demo_users(&secret.into(), &Clock::system()).unwrap();
        let verifier = Verifier::new(&settings.auth).await.unwrap();
        for (token, user) in [(tokens.student, STUDENT), (tokens.mentor, MENTOR), (tokens.admin, ADMIN)] {
            let identity = verifier.verify(&token, Clock::system().now()).await.unwrap();
            assert_eq!((identity.user_id.to_string().as_str(), identity.role), (user.id, user.role));
        }
    }
}
