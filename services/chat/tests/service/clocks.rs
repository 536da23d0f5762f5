//! Every rule goes by the broker's stamp, whatever the clocks of the replicas show.

use sinaesta_contracts::chat::SetTyping;
use sinaesta_contracts::moderation::{EditMessage, MuteUser, ReactToMessage};
use sinaesta_contracts::presence::{ConnectUser, DisconnectUser, ExpirePresence, LoseGateway};
use sinaesta_contracts::{GatewayId, code};
use sinaesta_testkit::until;
use time::Duration;

use super::*;

/// Clocks that are wrong by a minute and a half and follow nothing: commands must not look at them.
fn wrong_clocks() -> [Clock; 3] {
    [-90, 0, 90].map(|seconds| Clock::manual(Clock::system().now() + Duration::seconds(seconds)))
}

fn mute(room: &RoomId, minutes: u32) -> MuteUser {
    MuteUser { room_id: room.clone(), user_id: person(1).user_id, minutes: minutes.try_into().unwrap(), reason: None }
}

/// The control: with the mute asked for by the replica's own clock, the message that was stamped before the end of the mute
/// and taken after it is neither stored nor refused, and nothing behind it is served.
#[tokio::test]
async fn a_mute_is_decided_by_the_stamp_however_late_it_is_looked_at() {
    for clock in wrong_clocks() {
        let stack = Stack::start().await;
        let here = room("room-1");
        let replica = stack.replica(clock.clone());
        for number in [1, 2] {
            stack.join(&person(number), &here).await;
        }
        let mine = stack.send(&person(1), message(&here, "mine")).await.unwrap().message;
        stack.send(&mentor(), mute(&here, 1)).await.unwrap();
        let refused = stack.send(&person(1), message(&here, "no")).await.unwrap_err();
        let left = refused.retry_after_ms.unwrap();
        assert!(refused.code == code::MUTED && (30_000..=60_000).contains(&left), "{refused:?}");
        drop(replica);
        let mut replies = stack.replies().await;
        let [before, after] = [Uuid::now_v7(), Uuid::now_v7()];
        let edit = EditMessage { message_id: mine.id, message: "edited".to_owned().try_into().unwrap() };
        let react = ReactToMessage { message_id: mine.id, emoji: "👍".to_owned().try_into().unwrap(), on: true };
        let [edited, reacted] = [Uuid::now_v7(), Uuid::now_v7()];
        stack.store(edited, &person(1), &edit).await;
        stack.store(reacted, &person(1), &react).await;
        let last = stack.store(before, &person(1), &message(&here, "before its end")).await;
        // The mute ends right behind it; whoever takes it does so later.
        let until = stack.stamp(Service::Chat, last).await + Duration::microseconds(1);
        sqlx::query("UPDATE chat_mutes SET until = $1").bind(until).execute(&stack.database.pool).await.unwrap();
        stack.store(after, &person(1), &message(&here, "after its end")).await;
        let _replica = stack.replica(clock);
        let answers = stack.answers(4, &mut replies).await;
        let code_of = |id| answers.iter().find(|(of, _)| *of == id).unwrap().1["error"]["code"].clone();
        for id in [before, edited, reacted] {
            assert_eq!(code_of(id), code::MUTED);
        }
        assert_eq!(code_of(after), Value::Null);
        stack.send(&person(2), message(&here, "those behind are served")).await.unwrap();
    }
}

/// The control: with presence ended by the replica's own clock, one that is ahead takes people offline at once.
#[tokio::test]
async fn people_are_gone_when_the_stamps_say_so() {
    for clock in wrong_clocks() {
        let stack = Stack::start().await;
        let _replica = stack.replica(clock);
        let (user, gateway) = (person(1), GatewayId(Uuid::now_v7()));
        let is_offline = async || stack.read::<bool>("SELECT offline_by IS NOT NULL FROM user_presence").await;
        stack.send(&user, ConnectUser { gateway_id: gateway }).await.unwrap();
        stack.send(&user, DisconnectUser { gateway_id: gateway }).await.unwrap();
        stack.send(&Actor::system(), ExpirePresence { user_id: user.user_id }).await.unwrap();
        assert!(!is_offline().await, "within the grace period");
        let times = "connected_at = connected_at - interval '6 s', disconnected_at = disconnected_at - interval '6 s'";
        stack.sql(&format!("UPDATE online_users SET {times}")).await;
        stack.send(&Actor::system(), ExpirePresence { user_id: user.user_id }).await.unwrap();
        assert!(is_offline().await, "behind the grace period");
        // A gateway that is lost: its users were gone for the grace period when that was said.
        stack.send(&user, ConnectUser { gateway_id: gateway }).await.unwrap();
        let lost = Uuid::now_v7();
        let before = Clock::system().now();
        stack.store(lost, &Actor::system(), &LoseGateway { gateway_id: gateway }).await;
        let after = Clock::system().now();
        until("the gateway is lost", async || {
            stack.read::<bool>("SELECT bool_and(disconnected_at IS NOT NULL) FROM online_users").await
        })
        .await;
        let gone: OffsetDateTime = stack.read("SELECT disconnected_at FROM online_users").await;
        let stamp = gone + Duration::seconds(5);
        assert!((before..=after).contains(&stamp), "{before} {stamp} {after}");
    }
}

/// A replica whose own clock is wrong shows what the others show: it follows the broker's.
#[tokio::test]
async fn what_is_shown_goes_by_the_brokers_clock_too() {
    for error in [-90, 90] {
        let stack = Stack::start().await;
        let here = room("room-1");
        let _replica = stack.replica(Clock::system_with_error(Duration::seconds(error)));
        for number in [1, 2] {
            stack.join(&person(number), &here).await;
        }
        let typing = SetTyping { room_id: here.clone(), is_typing: true };
        stack.bus.ask(&person(1), &typing).await.unwrap();
        let joined = stack.send(&person(2), JoinRoom { room_id: here.clone(), since_seq: None }).await.unwrap();
        assert_eq!(joined.typing.len(), 1, "with a clock that is wrong by {error} s");
        stack.send(&mentor(), mute(&here, 1)).await.unwrap();
        assert_eq!(stack.bus.ask(&person(1), &typing).await.unwrap_err().code, code::MUTED);
        stack.sql("UPDATE chat_mutes SET until = now() - interval '1 s'").await;
        stack.bus.ask(&person(1), &typing).await.unwrap();
    }
}
