//! Where load goes, who brings it, and which processes pay for it.

use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{StreamExt as _, TryStreamExt as _, iter};
use secrecy::SecretString;
use sinaesta_auth::{Identity, mint};
use sinaesta_clock::Clock;
use sinaesta_contracts::{Role, UserId};
use uuid::Uuid;

use crate::client::Client;
use crate::cpu::Part;

/// How many connect at a time where connecting is not what is measured.
const AT_A_TIME: usize = 64;
/// The first user of the load; the others follow.
const FIRST_USER: u128 = 0xbe9c_4000_0000_4000_8000_0000_0000_0000;

/// A server under load.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) server: SocketAddr,
    pub(crate) secret: SecretString,
    pub(crate) parts: Vec<Part>,
    /// Where it commits, if it does.
    pub(crate) postgres: Option<String>,
    /// Whether it numbers the messages of a room.
    pub(crate) numbers: bool,
}

impl Target {
    /// A token for each of so many users; the same users every time.
    pub(crate) fn tokens(&self, first: usize, count: usize) -> anyhow::Result<Vec<String>> {
        (first..first + count).map(|number| self.token(number, Role::Student)).collect()
    }

    /// A token of one user.
    pub(crate) fn token(&self, number: usize, role: Role) -> anyhow::Result<String> {
        let identity = Identity {
            user_id: UserId(Uuid::from_u128(FIRST_USER + number as u128)),
            name: format!("Load {number}"),
            email: Some(format!("load{number}@bench.test")),
            role,
            specialty: None,
            avatar: None,
            issued_at: Some(Clock::system().now()),
            expires_at: Clock::system().now() + Duration::from_secs(6 * 60 * 60),
        };
        Ok(mint(&self.secret, &identity)?)
    }

    /// So many clients, each in its room: the first `size` in the first, and so on.
    pub(crate) async fn gather(&self, rooms: &[String], size: usize) -> anyhow::Result<Vec<Client>> {
        let seats = rooms.iter().flat_map(|room| std::iter::repeat_n(room.as_str(), size));
        let tokens = self.tokens(0, rooms.len() * size)?;
        iter(tokens.iter().zip(seats).enumerate())
            .map(|(number, (token, room))| async move {
                let mut client = Client::connect(self.server, number, token).await?;
                client.join(room).await?;
                anyhow::Ok(client)
            })
            .buffered(AT_A_TIME)
            .try_collect()
            .await
    }
}
