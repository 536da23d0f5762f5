//! The running service on a real broker and a real Postgres, with a clock that the tests move.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::consumer::PullConsumer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::StreamExt as _;
use serde_json::{Value, json};
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::chat::{Away, FindAway, MessagesPosted, PostedMessage, RoomRead};
use sinaesta_contracts::exam_authoring::ExamScheduled;
use sinaesta_contracts::exam_grading::{ExamGraded, SessionBegun, SessionsBegun};
use sinaesta_contracts::leaderboard::{BoardId, Overtake, PeopleOvertaken, Period};
use sinaesta_contracts::notification::{
    Data, ListNotifications, NewNotification, Notice, NotificationPage, NotificationType, Notify, Preferences,
    Priority, QuietHours, ReadAllNotifications, SendNotification, SetPreferences, TypePreference,
};
use sinaesta_contracts::study_group::GroupInvited;
use sinaesta_contracts::{
    Actor, Audience, Command, Envelope, ErrorBody, Event, ExamId, GroupId, MessageId, Points, Query, ResultId, Role,
    RoomId, ServerEvent, Service, SessionId, Subject, Timestamp, code, consumer_name,
};
use sinaesta_settings::NotificationSettings;
use sinaesta_testkit::{TestDatabase, TestNats, actor, until};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(10);

struct Stack {
    nats: TestNats,
    database: TestDatabase,
    bus: Bus,
}

impl Stack {
    async fn start() -> Self {
        let (nats, database) = (TestNats::start().await.unwrap(), TestDatabase::create().await.unwrap());
        let bus = nats.bus("test").await.unwrap();
        Self { nats, database, bus }
    }

    /// One more replica; it ends with what this gives.
    fn replica(&self, clock: &Clock) -> DropGuard {
        self.replica_with(clock, |_| {})
    }

    fn replica_with(&self, clock: &Clock, change: impl FnOnce(&mut NotificationSettings)) -> DropGuard {
        let mut settings = self.nats.settings().unwrap();
        settings.database.url = self.database.url.clone().into();
        settings.notifications.http_port = 0;
        settings.notifications.tick_ms = 20;
        settings.notifications.retention_tick_ms = 20;
        settings.notifications.retention_batch = 3;
        change(&mut settings.notifications);
        let stop = CancellationToken::new();
        tokio::spawn(sinaesta_notification::run_with(settings, clock.clone(), stop.clone()));
        stop.drop_guard()
    }

    /// Somebody who has been here for long.
    async fn user(&self, number: u128, role: Role) -> Actor {
        let actor = actor(number, role);
        sqlx::query("INSERT INTO users (id, name, role, created_at) VALUES ($1, $2, $3, '2020-01-01')")
            .bind(actor.user_id.0)
            .bind(&actor.name)
            .bind(role.as_str())
            .execute(&self.database.pool)
            .await
            .unwrap();
        actor
    }

    async fn publish<E: Event>(&self, event: &E) {
        let subject = Subject::Event(E::DOMAIN, E::NAME).to_string();
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", Uuid::now_v7().to_string());
        let payload = serde_json::to_vec(event).unwrap();
        jetstream.publish_with_headers(subject, headers, payload.into()).await.unwrap().await.unwrap();
    }

    async fn command<C: Command>(&self, who: &Actor, command: &C) -> C::Reply {
        let answer = self.bus.dispatch(Uuid::now_v7(), who, command).await.unwrap().answer(LIMIT).await.unwrap();
        serde_json::from_str(answer.get()).unwrap()
    }

    /// The list that a replica gives, once one runs.
    async fn list(&self, who: &Actor) -> NotificationPage {
        let all = ListNotifications { before: None, limit: 100.try_into().unwrap(), unread_only: false };
        let page = OnceCell::new();
        until("a replica answers", || async {
            self.bus.ask(who, &all).await.is_ok_and(|answer| page.set(answer).is_ok())
        })
        .await;
        page.into_inner().unwrap()
    }

    /// The title of each notification, newest first.
    async fn titles(&self, who: &Actor) -> Vec<String> {
        self.list(who).await.notifications.into_iter().map(|one| one.title).collect()
    }

    /// A browser of a user's.
    async fn browser(&self, who: &Actor, endpoint: &str) {
        // Of RFC 8291, section 5.
        let key = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
        sqlx::query("INSERT INTO push_subscriptions VALUES ($1, $2, $3, $4, now())")
            .bind(endpoint)
            .bind(who.user_id.0)
            .bind(URL_SAFE_NO_PAD.decode(key).unwrap())
            .bind([7_u8; 16].to_vec())
            .execute(&self.database.pool)
            .await
            .unwrap();
    }

    async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&self.database.pool).await.unwrap()
    }

    /// How many events of a kind the service was given and has not dealt with, or was not given yet.
    async fn events_under_way<E: Event>(&self) -> u64 {
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let name = consumer_name::<E>(Service::Notification);
        let consumer: PullConsumer = jetstream.get_consumer_from_stream(&name, "EVENTS").await.unwrap();
        let info = consumer.cached_info();
        info.num_pending + info.num_ack_pending as u64
    }

    /// Everything that sockets of an audience are told from now on.
    async fn hear(&self, audience: &Audience) -> UnboundedReceiver<(String, Value)> {
        let mut heard = self.nats.client().await.unwrap().subscribe(Subject::Live(audience).to_string()).await.unwrap();
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = heard.next().await {
                let event = message.headers.as_ref().and_then(|all| all.get("Sinaesta-Event")).unwrap().to_string();
                sender.send((event, serde_json::from_slice(&message.payload).unwrap())).ok();
            }
        });
        receiver
    }
}

/// A clock that goes as the system's does, and is so much ahead of it, or behind.
fn wrong_by(seconds: i64) -> Clock {
    let (clock, began) = (Clock::manual(Clock::system().now() + time::Duration::seconds(seconds)), Instant::now());
    let (moved, mut gone) = (clock.clone(), Duration::ZERO);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = began.elapsed();
            moved.advance(now - gone);
            gone = now;
        }
    });
    clock
}

/// Where browsers are pushed to, and the path of each push; it is busy for those to `/refused`.
async fn push_service() -> (String, UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (pushed, pushes) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let pushed = pushed.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                let end = |request: &[u8]| {
                    let text = String::from_utf8_lossy(request).to_lowercase();
                    let (head, _) = text.split_once("\r\n\r\n")?;
                    let length: usize = head.split_once("content-length: ")?.1.split("\r\n").next()?.parse().ok()?;
                    Some((head.len() + 4 + length, head.split(' ').nth(1)?.to_owned()))
                };
                while end(&request).is_none_or(|(length, _)| request.len() < length) {
                    if stream.read_buf(&mut request).await.unwrap_or_default() == 0 {
                        return;
                    }
                }
                let (_, path) = end(&request).unwrap();
                let status = if path == "/refused" { "503 Busy" } else { "201 Created" };
                pushed.send(path).ok();
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.ok();
            });
        }
    });
    (origin, pushes)
}

fn note(title: &str, priority: Priority) -> SendNotification {
    SendNotification {
        user_id: None,
        audience: None,
        kind: NotificationType::System,
        title: title.to_owned().try_into().unwrap(),
        message: "Text".to_owned().try_into().unwrap(),
        data: Data::default(),
        priority,
        action_url: None,
    }
}

fn exam(number: u128) -> ExamId {
    ExamId(Uuid::from_u128(number))
}

fn scheduled(number: u128, starts_at: OffsetDateTime, decided_at: OffsetDateTime) -> ExamScheduled {
    ExamScheduled {
        exam_id: exam(number),
        exam_title: "Tryout".into(),
        specialty: "Kardiologi".into(),
        scheduled_start: Timestamp(starts_at),
        decided_at: Timestamp(decided_at),
    }
}

fn graded(who: &Actor, number: u128, at: OffsetDateTime) -> ExamGraded {
    ExamGraded {
        exam_id: exam(number),
        exam_title: "Tryout".into(),
        specialty: "Kardiologi".into(),
        session_id: SessionId(Uuid::from_u128(number)),
        result_id: ResultId(Uuid::from_u128(number)),
        key_version: 1,
        is_correction: false,
        user_id: who.user_id,
        user_name: who.name.clone(),
        user_avatar: None,
        score: Points::from_hundredths(1_250),
        max_score: Points::from_hundredths(2_000),
        percentage: 62.5,
        correct_count: 12,
        total_questions: 20,
        completed_at: Timestamp(at),
    }
}

/// A reminder is due by the service's clock and by the broker's stamp. The service's runs late here, so that it alone
/// decides, and nothing is due before everything is arranged, however slow the machine.
#[tokio::test(flavor = "multi_thread")]
async fn reminders_come_once_across_restarts_and_reschedules_at_three_replicas() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    let mentor = stack.user(2, Role::Mentor).await;
    let (second, minute) = (Duration::from_secs(1), time::Duration::MINUTE);
    let now = Clock::system().now() - 2 * minute;
    let clock = Clock::manual(now);
    let mut heard = stack.hear(&Audience::All).await;
    let mut replicas = vec![stack.replica(&clock), stack.replica(&clock), stack.replica(&clock)];
    // Both would be due in a second, then the first exam is moved: only the new moment's reminder may come.
    stack.publish(&scheduled(1, now + 60 * minute + second, now)).await;
    stack.publish(&scheduled(2, now + 5 * minute + second, now)).await;
    until("the exams are known", || async { stack.count("SELECT count(*) FROM notification_exams").await == 2 }).await;
    stack.publish(&scheduled(1, now + 60 * minute + 2 * second, now + Duration::from_millis(1))).await;
    // News from before the move comes late.
    stack.publish(&scheduled(1, now + 60 * minute + second / 2, now)).await;
    let known =
        "SELECT count(*) FROM notification_exams WHERE moved_at > (SELECT min(moved_at) FROM notification_exams)";
    until("the move is known", || async { stack.count(known).await == 1 }).await;
    replicas.remove(0);
    replicas.push(stack.replica(&clock));
    for number in [2, 1] {
        clock.advance(second);
        let due = Instant::now();
        let (event, told) = tokio::time::timeout(LIMIT, heard.recv()).await.unwrap().unwrap();
        let told: NewNotification = serde_json::from_value(told).unwrap();
        assert_eq!(
            (event.as_str(), &told.notification.data["examId"]),
            (NewNotification::NAME, &Value::from(exam(number).to_string()))
        );
        let late = due.elapsed();
        assert!(late < 2 * second, "exam {number} came {late:?} after its moment");
    }
    // Every replica starts anew: what was sent is not sent again.
    drop(replicas);
    let _replicas = [stack.replica(&clock), stack.replica(&clock), stack.replica(&clock)];
    let sent = stack.command(&student, &note("after the restart", Priority::Normal)).await;
    assert_eq!(stack.count("SELECT count(*) FROM notifications WHERE user_id IS NULL").await, 2);
    assert!(heard.try_recv().is_err(), "a reminder came twice");
    // Two to read, and the note; mentors are not reminded.
    let page = stack.list(&student).await;
    assert_eq!((page.notifications.len(), page.unread_count), (3, 3));
    assert_eq!(page.notifications[0].id, sent.notification_id);
    assert_eq!(stack.titles(&mentor).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_urgent_waits_until_the_exam_ends() {
    let stack = Stack::start().await;
    let (student, admin) = (stack.user(1, Role::Student).await, stack.user(2, Role::SuperAdmin).await);
    let clock = Clock::system();
    let _replicas = [stack.replica(&clock), stack.replica(&clock)];
    let mut heard = stack.hear(&Audience::User(student.user_id)).await;
    stack.command(&student, &note("before", Priority::Normal)).await;
    let began = SessionBegun {
        exam_id: exam(7),
        session_id: SessionId(Uuid::from_u128(7)),
        user_id: student.user_id,
        started_at: Timestamp(clock.now()),
    };
    stack.publish(&SessionsBegun { sessions: vec![began.clone()] }).await;
    until("the exam began", || async {
        stack.count("SELECT count(*) FROM notification_inboxes WHERE held_since IS NOT NULL").await == 1
    })
    .await;
    stack.command(&student, &note("during", Priority::High)).await;
    let mut to_all = note("to all during", Priority::Normal);
    to_all.audience = Some(serde_json::from_value(serde_json::json!({ "all": true })).unwrap());
    stack.command(&admin, &to_all).await;
    stack.command(&student, &note("urgent", Priority::Urgent)).await;
    assert_eq!(stack.titles(&student).await, ["urgent", "before"]);
    assert_eq!(stack.list(&student).await.unread_count, 2);
    // Reading everything does not read what is not seen.
    stack.command(&student, &ReadAllNotifications {}).await;
    stack.publish(&graded(&student, 7, clock.now())).await;
    until("the exam is graded", || async { stack.titles(&student).await.len() == 5 }).await;
    let page = stack.list(&student).await;
    let unread: Vec<_> = page.notifications.iter().filter(|one| !one.is_read).map(|one| one.title.as_str()).collect();
    assert_eq!(unread, ["Your exam is graded", "to all during", "during"]);
    assert_eq!(page.unread_count, 3);
    assert_eq!(page.notifications[0].message, "Tryout: 12.5 of 20 points");
    let mut told = Vec::new();
    while told.len() < 6 {
        let (event, payload) = tokio::time::timeout(LIMIT, heard.recv()).await.unwrap().unwrap();
        told.push(payload["title"].as_str().map_or(event, str::to_owned));
    }
    told.retain(|title| title != "notifications-read-all");
    let after = told.iter().position(|title| title == "during").unwrap();
    assert!(after > told.iter().position(|title| title == "urgent").unwrap(), "{told:?}");
    // The news that the exam began comes again, and later than its end: it holds nothing back.
    stack.publish(&SessionsBegun { sessions: vec![began] }).await;
    stack.command(&student, &note("after", Priority::Low)).await;
    assert_eq!(stack.titles(&student).await[0], "after");
}

#[tokio::test(flavor = "multi_thread")]
async fn being_overtaken_is_told_once_a_day_and_each_invitation_once() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    let clock = Clock::system();
    let _replica = stack.replica(&clock);
    let overtake = |by: u128| Overtake {
        user_id: student.user_id,
        by: actor(by, Role::Student).user_id,
        by_name: format!("Student {by}"),
        board: BoardId { period: Period::Weekly, specialty: None },
        rank: 2,
        at: Timestamp(clock.now()),
    };
    for by in [2, 3, 2, 4] {
        stack.publish(&PeopleOvertaken { overtakes: vec![overtake(by)] }).await;
    }
    let invited = GroupInvited {
        group_id: GroupId(Uuid::from_u128(9)),
        group_name: "EKG".into(),
        user_id: student.user_id,
        by: actor(2, Role::Student).user_id,
        by_name: "Putri".into(),
    };
    // Invited, and later once more: two invitations.
    stack.publish(&invited).await;
    stack.publish(&invited).await;
    until("all is told", || async { stack.titles(&student).await.len() == 3 }).await;
    stack.command(&student, &note("settled", Priority::Low)).await;
    let titles = stack.titles(&student).await;
    assert_eq!(titles.len(), 4, "{titles:?}");
    assert_eq!(titles.iter().filter(|title| title.ends_with("has passed you")).count(), 1, "{titles:?}");
    assert_eq!(titles.iter().filter(|title| title.ends_with("invites you to a study group")).count(), 2, "{titles:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_told_once_whatever_comes_late_or_again() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    let clock = Clock::system();
    let _replicas = [stack.replica(&clock), stack.replica(&clock)];
    let room_id: RoomId = "mentor:7".parse().unwrap();
    let waiting = |first_seq, last_seq| Notify {
        user_id: student.user_id,
        notice: Notice::MessagesWaiting {
            room_id: room_id.clone(),
            first_seq,
            last_seq,
            sender_name: "dr. Bayu".into(),
            excerpt: format!("Number {last_seq}"),
        },
    };
    let read = |seq| RoomRead { room_id: room_id.clone(), user_id: student.user_id, seq };
    let shown = async || {
        let all = stack.list(&student).await.notifications;
        all.into_iter().map(|one| (one.message, one.count, one.is_read)).collect::<Vec<_>>()
    };
    let of = |seq: i64, count: u32, is_read: bool| (format!("Number {seq}"), count, is_read);
    stack.command(&student, &waiting(3, 4)).await;
    stack.command(&student, &waiting(3, 4)).await;
    assert_eq!(shown().await, [of(4, 2, false)]);
    stack.command(&student, &waiting(5, 6)).await;
    assert_eq!(shown().await, [of(6, 4, false)]);
    // Read on the screen of the bell; then news of some of it comes again together with something new.
    stack.command(&student, &ReadAllNotifications {}).await;
    stack.command(&student, &waiting(5, 6)).await;
    stack.command(&student, &waiting(3, 8)).await;
    assert_eq!(shown().await, [of(8, 2, false), of(6, 4, true)]);
    // Read in the room: what is told of up to there is read, and what is told of it later is not told.
    stack.publish(&read(10)).await;
    until("the room is read", || async { stack.list(&student).await.unread_count == 0 }).await;
    stack.command(&student, &waiting(9, 10)).await;
    assert_eq!(shown().await, [of(8, 2, true), of(6, 4, true)]);
    stack.command(&student, &waiting(9, 11)).await;
    assert_eq!(shown().await[0], of(11, 1, false));
}

/// The first result of somebody who is graded by a corrected key ends their exam as any other does.
#[tokio::test(flavor = "multi_thread")]
async fn an_exam_that_is_graded_by_a_corrected_key_holds_nothing_back() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    let clock = Clock::system();
    let _replica = stack.replica(&clock);
    let session_id = SessionId(Uuid::from_u128(7));
    let began =
        SessionBegun { exam_id: exam(7), session_id, user_id: student.user_id, started_at: Timestamp(clock.now()) };
    stack.publish(&SessionsBegun { sessions: vec![began] }).await;
    until("the exam began", || async {
        stack.count("SELECT count(*) FROM notification_inboxes WHERE held_since IS NOT NULL").await == 1
    })
    .await;
    stack.publish(&ExamGraded { key_version: 2, ..graded(&student, 7, clock.now()) }).await;
    until("the exam is graded", || async { stack.titles(&student).await == ["Your exam is graded"] }).await;
    stack.publish(&ExamGraded { key_version: 3, is_correction: true, ..graded(&student, 7, clock.now()) }).await;
    until("the result is corrected", || async { stack.titles(&student).await.len() == 2 }).await;
    assert_eq!(stack.titles(&student).await[0], "Your result was corrected");
    stack.command(&student, &note("after", Priority::Low)).await;
    assert_eq!(stack.titles(&student).await[0], "after");
}

/// One replica is a minute and a half ahead of the broker, and one as much behind: the stamps decide.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_urgent_is_told_again_until_it_is_read_or_was_told_often_enough() {
    let stack = Stack::start().await;
    let (reader, other) = (stack.user(1, Role::Student).await, stack.user(2, Role::Student).await);
    let soon = |settings: &mut NotificationSettings| settings.urgent_repeat_ms = 100;
    let _replicas = [90, -90].map(|seconds| stack.replica_with(&wrong_by(seconds), soon));
    let (mut mine, mut others) =
        (stack.hear(&Audience::User(reader.user_id)).await, stack.hear(&Audience::User(other.user_id)).await);
    let first = stack.command(&reader, &note("read", Priority::Urgent)).await;
    let sent = stack.command(&other, &note("never read", Priority::Urgent)).await.timestamp.0;
    let id = |told: &(String, Value)| told.1["id"].as_str().map(str::to_owned);
    for told in 1..=6 {
        let (event, payload) = tokio::time::timeout(LIMIT, others.recv()).await.unwrap().unwrap();
        assert_eq!(
            (event.as_str(), &payload["title"]),
            (NewNotification::NAME, &Value::from("never read")),
            "time {told}"
        );
        assert!(Clock::system().now() - sent >= (told - 1) * Duration::from_millis(100), "time {told} came too early");
        if told == 2 {
            for _ in 0..2 {
                let told = tokio::time::timeout(LIMIT, mine.recv()).await.unwrap().unwrap();
                assert_eq!(id(&told), Some(first.notification_id.to_string()), "the same, told again");
            }
            stack.command(&reader, &ReadAllNotifications {}).await;
        }
    }
    until("nothing is due any more", || async {
        stack.count("SELECT count(*) FROM notifications WHERE repeat_at IS NOT NULL").await == 0
    })
    .await;
    assert!(others.try_recv().is_err(), "it was told more than five times again");
    let (mut last, mut all) = (String::new(), 2);
    while last != "notifications-read-all" {
        last = tokio::time::timeout(LIMIT, mine.recv()).await.unwrap().unwrap().0;
        all += 1;
    }
    assert!(all <= 7 && mine.try_recv().is_err(), "what is read was told again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_long_ago_is_removed_in_small_batches_and_the_unread_stays() {
    let mut stack = Stack::start().await;
    let (student, admin) = (stack.user(1, Role::Student).await, stack.user(2, Role::SuperAdmin).await);
    let clock = Clock::manual(Clock::system().now());
    // Whoever asks has the same clock: a query says by when it wants its answer.
    let settings = stack.nats.settings().unwrap();
    stack.bus = Bus::connect_with("gateway", &settings.nats, &settings.bus, clock.clone()).await.unwrap();
    let _replicas = [stack.replica(&clock), stack.replica(&clock)];
    for number in 0..10 {
        stack.command(&student, &note(&format!("read {number}"), Priority::Normal)).await;
    }
    stack.command(&student, &ReadAllNotifications {}).await;
    stack.command(&student, &note("unread", Priority::Normal)).await;
    let mut to_all = note("old announcement", Priority::Normal);
    to_all.audience = Some(serde_json::from_value(serde_json::json!({ "all": true })).unwrap());
    stack.command(&admin, &to_all).await;
    assert_eq!(stack.list(&student).await.unread_count, 2);
    let mut heard = stack.hear(&Audience::All).await;
    // What is read goes by the service's clock; announcements go by the stamp of the command that removes them.
    sqlx::query("UPDATE notifications SET created_at = created_at - interval '91 days' WHERE user_id IS NULL")
        .execute(&stack.database.pool)
        .await
        .unwrap();
    clock.advance(Duration::from_secs(91 * 24 * 60 * 60));
    until("what is old is gone", || async { stack.titles(&student).await == ["unread"] }).await;
    let (event, _) = tokio::time::timeout(LIMIT, heard.recv()).await.unwrap().unwrap();
    assert_eq!(event, "notification-removed");
    let page = stack.list(&student).await;
    assert_eq!(page.unread_count, 1);
    assert!(page.version >= 13, "an announcement that goes is a change: {}", page.version);
}

/// A command is told by the broker when it is: a replica that is ahead notices early, and one that is behind late.
#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_comes_at_its_moment_whatever_the_clocks_say() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    let _replicas = [75, -75].map(|seconds| stack.replica(&wrong_by(seconds)));
    let mut heard = stack.hear(&Audience::All).await;
    let now = Clock::system().now();
    let due = now + Duration::from_secs(2);
    stack.publish(&scheduled(1, due + time::Duration::minutes(5), now)).await;
    let (_, told) = tokio::time::timeout(LIMIT, heard.recv()).await.unwrap().unwrap();
    let told: NewNotification = serde_json::from_value(told).unwrap();
    let late = told.notification.created_at.0 - due;
    // Milliseconds are cut off.
    assert!(late >= -time::Duration::MILLISECOND && late < time::Duration::seconds(3), "{late}");
    assert_eq!(stack.titles(&student).await, ["Exam starts in 5 minutes"]);
}

/// Six hundred reminders that can't be sent stand before one that can: more than one look notices.
#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_sent_keeps_nothing_that_can_from_being_noticed() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    sqlx::raw_sql(
        "INSERT INTO notification_exams (exam_id, title, specialty, starts_at, decided_at, moved_at)
         SELECT md5(n::text)::uuid, 'Tryout ' || n, '', now() + interval '4 minutes', now(), now() FROM generate_series(0, 600) n;
         INSERT INTO notification_reminders (exam_id, lead_minutes, due_at)
         SELECT md5(n::text)::uuid, 5, now() - interval '1 minute' - interval '1 second' * n FROM generate_series(0, 600) n;
         CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.exam_id <> md5('0')::uuid THEN RAISE 'this one can not be sent'; END IF;
           RETURN NEW;
         END $$;
         CREATE TRIGGER refuse BEFORE UPDATE ON notification_reminders FOR EACH ROW EXECUTE FUNCTION refuse();",
    )
    .execute(&stack.database.pool)
    .await
    .unwrap();
    let _replica = stack.replica(&Clock::system());
    until("the good one is sent", || async { stack.titles(&student).await.len() == 1 }).await;
    assert_eq!(stack.list(&student).await.notifications[0].message, "Tryout 0");
}

/// One item in fifty fails for as long as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_room_of_which_chat_can_not_say_who_is_away_keeps_no_other_waiting() {
    let stack = Stack::start().await;
    let student = stack.user(1, Role::Student).await;
    let ill = Arc::new(AtomicBool::new(true));
    let client = stack.nats.client().await.unwrap();
    let mut asked = client.subscribe(Subject::Query(FindAway::SERVICE, FindAway::NAME).to_string()).await.unwrap();
    let (is_ill, away) = (Arc::clone(&ill), student.user_id);
    tokio::spawn(async move {
        while let Some(message) = asked.next().await {
            let Envelope::<FindAway> { body, .. } = serde_json::from_slice(&message.payload).unwrap();
            let answer = if is_ill.load(Ordering::SeqCst) && body.rooms.iter().any(|room| room.as_str() == "mentor:13")
            {
                json!({ "error": ErrorBody::new(code::INTERNAL, "Something went wrong on our side") })
            } else {
                let away = |room_id: &RoomId| Away { room_id: room_id.clone(), user_id: away, last_read_seq: 0 };
                json!({ "ok": body.rooms.iter().map(away).collect::<Vec<_>>() })
            };
            let answer = serde_json::to_vec(&answer).unwrap();
            client.publish(message.reply.unwrap(), answer.into()).await.unwrap();
        }
    });
    let posted = |room: u32| MessagesPosted {
        room_id: format!("mentor:{room}").parse().unwrap(),
        messages: vec![PostedMessage {
            id: MessageId(Uuid::now_v7()),
            seq: 1,
            sender_id: actor(2, Role::Mentor).user_id,
            sender_name: "dr. Bayu".into(),
            excerpt: format!("In room {room}"),
        }],
    };
    // All of them wait before anybody takes them.
    let starting = stack.replica(&Clock::system());
    stack.list(&student).await;
    drop(starting);
    for room in 0..50 {
        stack.publish(&posted(room)).await;
    }
    let _replica = stack.replica(&Clock::system());
    let told = "SELECT count(*) FROM notifications WHERE topic <> 'room:mentor:13'";
    until("all others are told", || async { stack.count(told).await == 49 }).await;
    // It is nobody's event any more, and comes as soon as chat can say.
    until("no event is under way", || async { stack.events_under_way::<MessagesPosted>().await == 0 }).await;
    let ill_one = "SELECT count(*) FROM notifications WHERE topic = 'room:mentor:13'";
    assert_eq!(stack.count(ill_one).await, 0);
    ill.store(false, Ordering::SeqCst);
    until("the last one is told", || async { stack.count(ill_one).await == 1 }).await;
    until("nothing is put off", || async { stack.count("SELECT count(*) FROM notification_posted").await == 0 }).await;
}

/// Of four browsers, the push service does not take one's; another's owner can't be read; a third can't be taken out of
/// the queue. The fourth is pushed to, once, and so is the third.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_fails_keeps_no_other_waiting() {
    let stack = Stack::start().await;
    let (origin, mut pushes) = push_service().await;
    let readers = [
        stack.user(1, Role::Student).await,
        stack.user(2, Role::Student).await,
        stack.user(3, Role::Student).await,
        stack.user(4, Role::Student).await,
    ];
    for (reader, path) in readers.iter().zip(["refused", "unreadable", "stuck", "good"]) {
        stack.browser(reader, &format!("{origin}/{path}")).await;
    }
    let hosts = vec![origin.clone()];
    let starting = stack.replica_with(&Clock::system(), |settings| settings.push_delay_ms = 60_000);
    for reader in &readers {
        stack.command(reader, &note("pushed", Priority::Normal)).await;
    }
    drop(starting);
    sqlx::raw_sql(AssertSqlSafe(format!(
        "UPDATE push_queue SET due_at = now();
         CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF OLD.endpoint = '{origin}/stuck' THEN RAISE 'this one stays'; END IF;
           RETURN OLD;
         END $$;
         CREATE TRIGGER keep BEFORE DELETE ON push_queue FOR EACH ROW EXECUTE FUNCTION keep();
         ALTER TABLE notification_inboxes RENAME TO inboxes_as_they_are;
         CREATE VIEW notification_inboxes AS SELECT user_id, version, held_since, types_off,
           CASE WHEN user_id = '{}' THEN (1 / (version - version))::text ELSE preferences END AS preferences
           FROM inboxes_as_they_are;
         -- Only rows that are asked for are looked at.
         DO $$ DECLARE name text; BEGIN
           FOREACH name IN ARRAY ARRAY['seqscan', 'hashjoin', 'mergejoin'] LOOP
             EXECUTE format('ALTER DATABASE %I SET enable_%s = off', current_database(), name);
           END LOOP;
         END $$;",
        readers[1].user_id
    )))
    .execute(&stack.database.pool)
    .await
    .unwrap();
    let _replica = stack.replica_with(&Clock::system(), |settings| settings.push_hosts = hosts);
    let of = |path: &str| format!("SELECT count(*) FROM push_queue WHERE endpoint LIKE '%/{path}'");
    let (good, others) = (of("good"), of("refused").replace(" WHERE", " WHERE attempts = 1 AND due_at > now() AND"));
    until("the good one is out of the queue", || async { stack.count(&good).await == 0 }).await;
    until("the refused one is put off", || async { stack.count(&others).await == 1 }).await;
    let waiting = "SELECT count(*) FROM push_queue WHERE attempts = 1 AND due_at > now() + interval '30 seconds'";
    until("the other two wait for their leases", || async { stack.count(waiting).await == 2 }).await;
    let mut paths = Vec::new();
    while let Ok(path) = pushes.try_recv() {
        paths.push(path);
    }
    paths.sort_unstable();
    assert_eq!(paths, ["/good", "/refused", "/stuck"]);
    // Too often taken to be pushed once more, it is given up.
    sqlx::raw_sql(
        "DROP TRIGGER keep ON push_queue; UPDATE push_queue SET attempts = 8, due_at = now() WHERE endpoint LIKE '%/stuck'",
    )
    .execute(&stack.database.pool)
    .await
    .unwrap();
    let stuck = of("stuck");
    until("it is given up", || async { stack.count(&stuck).await == 0 }).await;
    assert!(std::iter::from_fn(|| pushes.try_recv().ok()).all(|path| path != "/stuck"), "it was pushed again");
}

/// Whoever sits an exam, and whoever sleeps: what is not urgent is pushed to neither, and comes when that is over.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_pushed_in_an_exam_nor_in_quiet_hours_and_what_waited_is_behind_them() {
    let stack = Stack::start().await;
    let (origin, mut pushes) = push_service().await;
    let clock = Clock::manual(Clock::system().now());
    let hosts = vec![origin.clone()];
    let _replica = stack.replica_with(&clock, |settings| (settings.push_delay_ms, settings.push_hosts) = (0, hosts));
    let [sitting, sleeping, awake] =
        [stack.user(1, Role::Student).await, stack.user(2, Role::Student).await, stack.user(3, Role::Student).await];
    for (who, path) in [(&sitting, "sitting"), (&sleeping, "sleeping"), (&awake, "awake")] {
        stack.browser(who, &format!("{origin}/{path}")).await;
    }
    // An hour from now they are awake.
    let time = |hours: i64| {
        let at = clock.now() + time::Duration::hours(hours);
        format!("{:02}:{:02}", at.hour(), at.minute()).try_into().unwrap()
    };
    let quiet_hours =
        Some(QuietHours { from: time(-1), until: time(1), time_zone: "UTC".to_owned().try_into().unwrap() });
    let system = Some(TypePreference { enabled: true, quiet_hours });
    stack.command(&sleeping, &SetPreferences { preferences: Preferences { system, ..Preferences::default() } }).await;
    let waiting = |seq| Notify {
        user_id: sitting.user_id,
        notice: Notice::MessagesWaiting {
            room_id: "mentor:7".parse().unwrap(),
            first_seq: seq,
            last_seq: seq,
            sender_name: "dr. Bayu".into(),
            excerpt: format!("Number {seq}"),
        },
    };
    // One is to be pushed already as the exam begins, and changes during it.
    stack.command(&sitting, &waiting(1)).await;
    let began = SessionBegun {
        exam_id: exam(7),
        session_id: SessionId(Uuid::from_u128(7)),
        user_id: sitting.user_id,
        started_at: Timestamp(Clock::system().now()),
    };
    stack.publish(&SessionsBegun { sessions: vec![began] }).await;
    until("the exam began", || async {
        stack.count("SELECT count(*) FROM notification_inboxes WHERE held_since IS NOT NULL").await == 1
    })
    .await;
    stack.command(&sitting, &waiting(2)).await;
    for who in [&sitting, &sleeping, &awake] {
        stack.command(who, &note("pushed", Priority::Normal)).await;
    }
    // The stamps are a little later than the clock, which stands.
    clock.advance(Duration::from_secs(10));
    let left =
        "SELECT count(*) FILTER (WHERE endpoint LIKE '%/sleeping' AND attempts = 0) * 100 + count(*) FROM push_queue";
    until("each is dealt with, and one is put off", || async { stack.count(left).await == 101 }).await;
    assert_eq!(pushes.recv().await.unwrap(), "/awake");
    assert!(pushes.try_recv().is_err(), "somebody else was pushed to");
    stack.publish(&graded(&sitting, 7, clock.now())).await;
    until("the exam is graded", || async { stack.titles(&sitting).await.len() == 3 }).await;
    clock.advance(Duration::from_secs(10));
    for _ in ["Number 2", "pushed", "Your exam is graded"] {
        assert_eq!(tokio::time::timeout(LIMIT, pushes.recv()).await.unwrap().unwrap(), "/sitting");
    }
    assert!(pushes.try_recv().is_err(), "somebody else was pushed to");
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(tokio::time::timeout(LIMIT, pushes.recv()).await.unwrap().unwrap(), "/sleeping");
}
