//! The broker holds each service to its rights.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::{self, Context};
use async_nats::{Client, ConnectOptions, Event};
use futures::StreamExt as _;
use sinaesta_bus::{Bus, ServiceBuilder};
use sinaesta_contracts::{Role, Service, Stream};
use sinaesta_testkit::{TestNats, actor, until};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Book, Mood, NoteHandler, note, room};

/// Somebody who got hold of a service's password, and what the broker refuses them.
struct Intruder {
    client: Client,
    jetstream: Context,
    refused: mpsc::UnboundedReceiver<String>,
}

impl Intruder {
    async fn as_(nats: &TestNats, service: &str) -> Self {
        let (sender, refused) = mpsc::unbounded_channel();
        let options = ConnectOptions::with_user_and_password(service.to_owned(), "password".to_owned())
            .custom_inbox_prefix(format!("_INBOX.{service}"))
            .event_callback(move |event| {
                if let Event::ServerError(error) = event {
                    sender.send(error.to_string()).ok();
                }
                std::future::ready(())
            });
        let client = options.connect(nats.settings().unwrap().nats.url).await.unwrap();
        let jetstream = jetstream::context::ContextBuilder::new().timeout(Duration::from_secs(1)).build(client.clone());
        Self { client, jetstream, refused }
    }

    async fn publish(&mut self, subject: &str) -> bool {
        self.client.publish(subject.to_owned(), "x".into()).await.unwrap();
        self.is_allowed().await
    }

    async fn subscribe(&mut self, subject: &str) -> bool {
        let _heard = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.is_allowed().await
    }

    /// The broker answers a round trip after whatever it says of what came before it.
    async fn is_allowed(&mut self) -> bool {
        self.client.flush().await.unwrap();
        // What the broker said is passed on by another task.
        let refused = tokio::time::timeout(Duration::from_millis(150), self.refused.recv()).await;
        refused.is_err()
    }
}

async fn connect(nats: &TestNats, name: &str) -> Bus {
    let mut settings = nats.settings().unwrap();
    settings.nats.password = "password".to_owned().into();
    Bus::connect(name, &settings.nats, &settings.bus).await.unwrap()
}

#[tokio::test]
async fn services_work_within_their_rights() {
    let nats = TestNats::start_guarded().await.unwrap();
    let (gateway, chat) = (connect(&nats, "gateway").await, connect(&nats, "chat").await);
    let book = Book::new().await;
    let handler = NoteHandler { book: std::sync::Arc::clone(&book), room: room(), work: Duration::ZERO };
    let stop = CancellationToken::new();
    let settings = nats.settings().unwrap().bus;
    let service =
        ServiceBuilder::new(chat.clone(), Service::Chat, &settings, book.attempts(Service::Chat)).command(handler);
    let running = tokio::spawn(service.run(stop.clone()));
    let mut heard = gateway.listen(sinaesta_contracts::Audience::Room(room())).await.unwrap();

    let sent = gateway.dispatch(Uuid::now_v7(), &actor(1, Role::Student), &note("a", 7, Mood::Good)).await.unwrap();
    let answer = sent.answer(Duration::from_secs(10)).await.unwrap();
    assert_eq!(answer.get(), "7");
    let arrival = heard.next().await.unwrap();
    assert_eq!(heard.accept(arrival).await.len(), 1);

    stop.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_service_can_neither_say_nor_hear_what_is_not_its_own() {
    let nats = TestNats::start_guarded().await.unwrap();
    for service in Service::ALL {
        connect(&nats, service.as_str()).await;
    }
    let mut board = Intruder::as_(&nats, "leaderboard").await;
    for own in ["cmd.leaderboard.tell-board-v1.3", "event.leaderboard.people-overtaken-v1", "deliver.board.weekly.all"]
    {
        assert!(board.publish(own).await, "{own} is its own");
    }
    for others in [
        "cmd.exam-grading.save-answer-v1.3",
        "cmd.chat.send-message-v1.0",
        "event.exam.graded-v1",
        "deliver.user.0198c000-0000-7000-8000-000000000001",
        "deliver.all",
        "live.room.lobby",
        "query.exam-grading.read-exam-v1",
        "signal.gateway-alive-v1",
        "dead.chat",
        "_INBOX.gateway.1",
        "$JS.API.STREAM.DELETE.EVENTS",
        "$JS.API.STREAM.PURGE.COMMANDS-chat",
        "$JS.API.STREAM.UPDATE.EVENTS",
        "$JS.API.STREAM.MSG.GET.EVENTS",
        "$JS.API.STREAM.MSG.DELETE.EVENTS",
        "$JS.API.CONSUMER.MSG.NEXT.EVENTS.notification-exam-graded-v1",
        "$JS.API.CONSUMER.DELETE.EVENTS.notification-exam-graded-v1",
        "$JS.API.CONSUMER.MSG.NEXT.COMMANDS-exam-grading.any",
        "$JS.ACK.COMMANDS-exam-grading.any.1.1.1.1.1",
        "$JS.API.DIRECT.GET.DELIVERIES",
        "$JS.API.DIRECT.GET.DELIVERIES.1",
        "$O.files.C.x",
        "$SYS.REQ.SERVER.PING",
    ] {
        assert!(!board.publish(others).await, "{others} is refused");
    }
    for others in [
        ">",
        "cmd.>",
        "reply.*",
        "live.>",
        "event.>",
        "deliver.>",
        "_INBOX.>",
        "_INBOX.gateway.>",
        "query.chat.*",
        "$JS.>",
    ] {
        assert!(!board.subscribe(others).await, "hearing {others} is refused");
    }
    // By the client's library, as an honest mistake would do it.
    for (stream, filter) in [
        (Stream::Commands(Service::ExamGrading), "cmd.exam-grading.>"),
        (Stream::Events, "event.chat.>"),
        (Stream::Deliveries, "deliver.>"),
    ] {
        let config = Config { filter_subject: filter.to_owned(), ..Config::default() };
        let made = board.jetstream.create_consumer_on_stream(config, stream.to_string()).await;
        assert!(made.is_err(), "{stream} can't be read");
    }
    assert!(board.jetstream.delete_stream(Stream::DeadLetters.to_string()).await.is_err());

    let mut gateway = Intruder::as_(&nats, "gateway").await;
    for others in
        ["event.exam.graded-v1", "deliver.all", "reply.1", "$JS.API.CONSUMER.CREATE.COMMANDS-chat.x.cmd.chat.>"]
    {
        assert!(!gateway.publish(others).await, "{others} is refused to the gateway");
    }
    let mut chat = Intruder::as_(&nats, "chat").await;
    assert!(!chat.subscribe("live.>").await && !chat.subscribe("query.exam-grading.*").await);
    let mut stranger = ConnectOptions::with_user_and_password("chat".to_owned(), "guess".to_owned());
    stranger = stranger.max_reconnects(1);
    assert!(stranger.connect(nats.settings().unwrap().nats.url).await.is_err(), "a wrong password is refused");
}

#[tokio::test]
async fn the_operator_may_do_anything() {
    let nats = TestNats::start_guarded().await.unwrap();
    connect(&nats, "chat").await;
    let mut operator = Intruder::as_(&nats, "operator").await;
    assert!(operator.subscribe("cmd.>").await && operator.publish("cmd.chat.any.0").await);
    let stream = Stream::Commands(Service::Chat).to_string();
    until("the command is stored", async || {
        operator.jetstream.get_stream(&stream).await.unwrap().cached_info().state.messages == 1
    })
    .await;
    let mut heard = operator.client.subscribe("x").await.unwrap();
    operator.client.publish("x", "y".into()).await.unwrap();
    assert!(heard.next().await.is_some());
}
