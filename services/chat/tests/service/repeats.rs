//! A command that comes again has the outcome that it had, changes nothing, and tells everybody again under the same ids.

use sinaesta_contracts::chat::{LeaveRoom, MarkMessageRead};
use sinaesta_contracts::file::RecordFile;
use sinaesta_contracts::moderation::{EditMessage, MuteUser, ReactToMessage, RemoveMessage};
use sinaesta_contracts::presence::ConnectUser;
use sinaesta_contracts::study_group::{CreateGroup, InviteMember, JoinGroup, LeaveGroup, RemoveMember};
use sinaesta_contracts::{FileId, GatewayId, GroupId, MessageId};
use sinaesta_testkit::until;

use super::*;

/// A digest of everything that chat has stored, save what is counted about tries.
async fn digest(stack: &Stack) -> String {
    let tables = [
        "chat_client_messages",
        "chat_message_edits",
        "chat_messages",
        "chat_mutes",
        "chat_participants",
        "chat_reactions",
        "chat_rooms",
        "files",
        "study_group_invitations",
        "study_group_members",
        "study_groups",
    ];
    digest_of(stack, &tables).await
}

/// A digest of what stands in these tables.
pub(super) async fn digest_of(stack: &Stack, tables: &[&str]) -> String {
    let mut digest = String::new();
    for table in tables {
        let sql =
            format!("SELECT '{table} ' || md5(COALESCE(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t");
        digest.push_str(&stack.read::<String>(&sql).await);
    }
    digest
}

/// Sends commands, each twice.
struct Story {
    stack: Stack,
    replies: async_nats::Subscriber,
    /// How much each command delivered.
    told: Vec<(&'static str, usize)>,
}

impl Story {
    /// What comes of a command: its answer, and what is delivered.
    async fn once<C: Command>(&mut self, id: Uuid, who: &Actor, command: &C) -> (Value, Vec<(String, String)>) {
        // The broker knows nothing of what it delivered before, so that it drops no repeat.
        self.stack.lose_deliveries().await;
        self.stack.store(id, who, command).await;
        let (of, answer) = self.stack.answers(1, &mut self.replies).await.remove(0);
        assert_eq!(of, id);
        until("it is acknowledged, so everything is published", async || self.stack.waiting(C::SERVICE).await == 0)
            .await;
        (answer, self.stack.delivered().await)
    }

    async fn tell<C: Command>(&mut self, who: &Actor, command: C) -> Value {
        let id = Uuid::now_v7();
        let (answer, delivered) = self.once(id, who, &command).await;
        assert!(answer.get("error").is_none(), "{}: {answer}", C::NAME);
        let stored = digest(&self.stack).await;
        let (again, delivered_again) = self.once(id, who, &command).await;
        assert_eq!(again, answer, "the answer to {}", C::NAME);
        assert_eq!(delivered_again, delivered, "what is delivered by {}", C::NAME);
        assert_eq!(digest(&self.stack).await, stored, "what is stored by {}", C::NAME);
        self.told.push((C::NAME, delivered.len()));
        answer["ok"].clone()
    }
}

/// The control: a handler that does not find itself done changes the digest, or an answer; one that says nothing the second
/// time changes what is delivered.
#[tokio::test]
async fn every_command_may_come_again() {
    let stack = Stack::start().await;
    let (here, replies) = (room("room-1"), stack.replies().await);
    let _replica = stack.replica(Clock::system());
    let mut story = Story { stack, replies, told: Vec::new() };
    let (sari, budi) = (person(1), person(2));
    let text = |text: &str| text.to_owned().try_into().unwrap();
    for who in [&sari, &budi] {
        story.tell(who, JoinRoom { room_id: here.clone(), since_seq: None }).await;
    }
    // One is there who hears of the other.
    let gateway_id = GatewayId(Uuid::now_v7());
    story.stack.send(&sari, ConnectUser { gateway_id }).await.unwrap();
    story.tell(&budi, ConnectUser { gateway_id }).await;
    let mut first = message(&here, "first");
    first.client_message_id = Some("c-1".to_owned().try_into().unwrap());
    let sent = story.tell(&sari, first).await;
    let id = |sent: &Value| MessageId(sent["message"]["id"].as_str().unwrap().parse().unwrap());
    let first = id(&sent);
    let second = id(&story.tell(&budi, message(&here, "second")).await);
    story.tell(&sari, EditMessage { message_id: first, message: text("edited") }).await;
    story.tell(&sari, EditMessage { message_id: first, message: text("edited again") }).await;
    story.tell(&budi, ReactToMessage { message_id: first, emoji: "👍".to_owned().try_into().unwrap(), on: true }).await;
    let third = id(&story.tell(&sari, message(&here, "third")).await);
    for (message_id, count) in [(first, 1), (third, 1), (first, 0)] {
        story.tell(&budi, MarkMessageRead { message_id }).await;
        assert_eq!(story.told.last().unwrap().1, count, "how often a room hears of what is read, and not of what was");
    }
    story.tell(&budi, RemoveMessage { message_id: second }).await;
    let user_id = budi.user_id;
    story
        .tell(&mentor(), MuteUser { room_id: here.clone(), user_id, minutes: 5.try_into().unwrap(), reason: None })
        .await;
    let file = RecordFile {
        id: FileId(Uuid::now_v7()),
        name: "a.png".into(),
        size: 1,
        content_type: "image/png".into(),
        width: None,
        height: None,
        has_thumbnail: false,
    };
    story.tell(&sari, file).await;
    let group = CreateGroup {
        name: text_of("Anatomi"),
        description: None,
        specialty: None,
        max_members: 5.try_into().unwrap(),
        is_public: true,
    };
    let made = story.tell(&sari, group).await;
    let group_id = GroupId(made["id"].as_str().unwrap().parse().unwrap());
    story.tell(&sari, InviteMember { group_id, user_id }).await;
    story.tell(&budi, JoinGroup { group_id }).await;
    story.tell(&person(3), JoinGroup { group_id }).await;
    story.tell(&sari, RemoveMember { group_id, user_id: person(3).user_id }).await;
    story.tell(&budi, LeaveGroup { group_id }).await;
    story.tell(&sari, LeaveGroup { group_id }).await;
    story.tell(&budi, LeaveRoom { room_id: here.clone() }).await;

    let silent = ["invite-member-v1", "mark-message-read-v1", "record-file-v1"];
    for (name, count) in &story.told {
        assert!(*count > 0 || silent.contains(name), "{name} delivers nothing: {:?}", story.told);
    }
}

fn text_of<T: TryFrom<String>>(text: &str) -> T
where
    T::Error: std::fmt::Debug,
{
    text.to_owned().try_into().unwrap()
}
