//! The store against a real Postgres: what holds whatever happens at once.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::collections::HashSet;

use futures::future::join_all;
use sinaesta_chat::domain::door::Room;
use sinaesta_chat::domain::markup::Clean;
use sinaesta_chat::store::changes::{self, Edit};
use sinaesta_chat::store::groups::{self, Wanted};
use sinaesta_chat::store::messages;
use sinaesta_chat::store::mutes::{self, Mute};
use sinaesta_chat::store::participants::{self, Moving};
use sinaesta_chat::store::posting::{self, NewMessage, Posted, Posting};
use sinaesta_chat::store::presence::{self, Arriving, Leaving};
use sinaesta_chat::store::rooms::{self, Opening};
use sinaesta_chat::store::{room_list, search};
use sinaesta_clock::Clock;
use sinaesta_contracts::chat::{MessageFormat, MessageType};
use sinaesta_contracts::presence::Status;
use sinaesta_contracts::{GatewayId, GroupId, MessageId, RoomId, UserId};
use sinaesta_testkit::TestDatabase;
use sqlx::PgConnection;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

fn room(name: &str) -> RoomId {
    name.parse().unwrap()
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn message(room_id: &RoomId, sender: u128, client_id: Option<String>) -> NewMessage {
    NewMessage {
        id: MessageId(Uuid::now_v7()),
        room_id: room_id.clone(),
        sender_id: user(sender),
        sender_name: "Sari".into(),
        sender_avatar: None,
        message: "halo".into(),
        format: MessageFormat::Text,
        message_type: MessageType::Text,
        file_url: None,
        file_name: None,
        file_size: None,
        client_message_id: client_id,
        reply_to: None,
        created_at: NOW,
    }
}

fn posting(message: &NewMessage) -> Posting<'_> {
    Posting {
        id: message.id,
        sender_id: message.sender_id,
        client_message_id: message.client_message_id.as_deref(),
        at: message.created_at,
        message: Some(message),
    }
}

async fn post(db: &mut PgConnection, batch: &[NewMessage]) -> Vec<Posted> {
    posting::post(db, &batch.iter().map(posting).collect::<Vec<_>>()).await.unwrap()
}

fn opening(id: &RoomId, owner: Option<UserId>) -> Opening {
    Opening { id: id.clone(), owner, by: owner, at: NOW }
}

async fn open(database: &TestDatabase, names: &[&str]) -> Vec<RoomId> {
    let ids: Vec<RoomId> = names.iter().map(|name| room(name)).collect();
    let rows: Vec<_> = ids.iter().map(|id| opening(id, None)).collect();
    rooms::open(&mut database.pool.acquire().await.unwrap(), &rows).await.unwrap();
    ids
}

#[tokio::test]
async fn seqs_have_no_gap_when_everybody_writes_at_once() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a", "b", "c"]).await;
    let writers = (0..8_u128).map(|sender| {
        let (pool, ids) = (database.pool.clone(), ids.clone());
        async move {
            for round in 0..20 {
                let batch: Vec<_> = ids.iter().cycle().take(7).map(|id| message(id, sender, None)).collect();
                let posted = post(&mut pool.acquire().await.unwrap(), &batch).await;
                assert!(posted.iter().all(|one| matches!(one, Posted::Stored { .. })), "round {round}: {posted:?}");
            }
        }
    });
    join_all(writers).await;
    let mut db = database.pool.acquire().await.unwrap();
    for id in &ids {
        let last = rooms::last_seqs(&mut db, &[id.as_str()]).await.unwrap()[id.as_str()];
        let stored = messages::after(&mut db, &[(id, 0)], 10_000).await.unwrap();
        let seqs: Vec<i64> = stored[id].iter().map(|message| message.seq).collect();
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_batch_keeps_its_order_and_a_repeat_is_stored_once() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let client_id = |n: usize| Some(format!("client-{n}"));
    let batch: Vec<_> = [0, 1, 0, 2, 1].into_iter().map(|n| message(&ids[0], 1, client_id(n))).collect();
    let stored = |seq| Posted::Stored { seq };
    let known = |n: usize| Posted::Known(batch[n].id);
    assert_eq!(post(&mut db, &batch).await, [stored(1), stored(2), known(0), stored(3), known(1)]);
    // The same command again, and the same client's message by another command.
    assert_eq!(post(&mut db, &batch[..2]).await, [known(0), known(1)]);
    assert_eq!(post(&mut db, &[message(&ids[0], 1, client_id(2))]).await, [known(3)]);
    // Another sender's id is another message.
    assert_eq!(post(&mut db, &[message(&ids[0], 2, client_id(2))]).await, [stored(4)]);
    // What other rules refuse is known all the same, and nothing else.
    let (mine, new) = (batch[0].clone(), message(&ids[0], 1, client_id(9)));
    let asked = [Posting { message: None, ..posting(&mine) }, Posting { message: None, ..posting(&new) }];
    assert_eq!(posting::post(&mut db, &asked).await.unwrap(), [known(0), Posted::Refused]);
    assert_eq!(rooms::last_seqs(&mut db, &["a"]).await.unwrap()["a"], 4);
}

/// The control: with the index of each month unique over it, the last of these is a violation.
#[tokio::test]
async fn a_repeat_is_one_for_thirty_days_and_then_another_message() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a", "b"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let first_of_month = datetime!(2026-12-01 00:00:01 UTC);
    let at = |room: &RoomId, days: i64, seconds: i64| {
        let created_at = first_of_month + time::Duration::days(days) + time::Duration::seconds(seconds);
        NewMessage { created_at, ..message(room, 1, Some("draft-1".to_owned())) }
    };
    let first = at(&ids[0], 0, 0);
    assert_eq!(post(&mut db, std::slice::from_ref(&first)).await, [Posted::Stored { seq: 1 }]);
    assert_eq!(post(&mut db, &[at(&ids[1], 29, 86_399)]).await, [Posted::Known(first.id)]);
    let second = at(&ids[1], 30, 0);
    assert_eq!(post(&mut db, std::slice::from_ref(&second)).await, [Posted::Stored { seq: 1 }]);
    assert_eq!(post(&mut db, &[at(&ids[0], 31, 0)]).await, [Posted::Known(second.id)]);
    assert_eq!(
        post(&mut db, std::slice::from_ref(&first)).await,
        [Posted::Known(first.id)],
        "a command is known for ever"
    );
}

/// The control: with the mute looked at after repeats within the batch were dropped, nothing is said of the second.
#[tokio::test]
async fn each_of_a_batch_has_one_outcome_when_its_sender_is_muted_in_one_room() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a", "b"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let until = NOW + time::Duration::minutes(1);
    let mute =
        Mute { command: Uuid::now_v7(), room: &ids[0], user: user(1), until, reason: None, by: user(9), at: NOW };
    mutes::insert(&mut db, &mute).await.unwrap();
    let client_id = Some("same".to_owned());
    let batch = [message(&ids[0], 1, client_id.clone()), message(&ids[1], 1, client_id.clone())];
    assert_eq!(post(&mut db, &batch).await, [Posted::Muted { until }, Posted::Stored { seq: 1 }]);
    // Stamped before the mute, or when it is over, however late it is taken.
    for (seconds, posted) in [(-1, Posted::Stored { seq: 1 }), (60, Posted::Stored { seq: 2 })] {
        let created_at = NOW + time::Duration::seconds(seconds);
        assert_eq!(post(&mut db, &[NewMessage { created_at, ..message(&ids[0], 1, None) }]).await, [posted]);
    }
}

#[tokio::test]
async fn one_client_message_id_in_many_rooms_at_once_is_one_message() {
    let database = TestDatabase::create().await.unwrap();
    let names: Vec<String> = (0..8).map(|n| format!("room-{n}")).collect();
    let ids = open(&database, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for round in 0..20 {
        let posts = ids.iter().map(async |id| {
            let mut db = database.pool.acquire().await.unwrap();
            post(&mut db, &[message(id, 1, Some(format!("round-{round}")))]).await[0]
        });
        let posted = join_all(posts).await;
        let stored = posted.iter().filter(|one| matches!(one, Posted::Stored { .. })).count();
        let known = posted.iter().filter_map(|one| match one {
            Posted::Known(id) => Some(*id),
            _ => None,
        });
        assert_eq!((stored, known.collect::<HashSet<_>>().len()), (1, 1), "{posted:?}");
    }
}

#[tokio::test]
async fn the_first_student_of_a_mentor_room_keeps_it() {
    let database = TestDatabase::create().await.unwrap();
    let mut db = database.pool.acquire().await.unwrap();
    let id = room("mentor:abc");
    for (owner, expected) in [(None, None), (Some(user(1)), Some(user(1))), (Some(user(2)), Some(user(1)))] {
        let opened = rooms::open(&mut db, &[opening(&id, owner)]).await.unwrap();
        assert_eq!(opened[id.as_str()], Room { opened_by: expected });
    }
}

#[tokio::test]
async fn reading_moves_on_and_never_back() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let by = Uuid::now_v7();
    let join = Moving { room: &ids[0], user: user(1), name: "Sari", by, at: NOW };
    participants::join(&mut db, std::slice::from_ref(&join)).await.unwrap();
    for (seq, expected) in [(5, 5), (3, 5), (9, 9)] {
        let read = participants::mark_read(&mut db, &[(&ids[0], user(1), seq)]).await.unwrap();
        assert_eq!(read[&("a".to_owned(), user(1))], expected);
    }
    // Who joins again is where they were, and was brought in by the first command.
    let again = Moving { by: Uuid::now_v7(), ..join };
    participants::join(&mut db, std::slice::from_ref(&again)).await.unwrap();
    let joined = participants::standings(&mut db, &[again]).await.unwrap()[&("a".to_owned(), user(1))];
    assert_eq!((joined.joined_by, joined.last_read_seq), (by, 9));
}

#[tokio::test]
async fn a_user_comes_once_and_goes_once_over_all_gateways() {
    let database = TestDatabase::create().await.unwrap();
    let mut db = database.pool.acquire().await.unwrap();
    let (one, two) = (GatewayId(Uuid::now_v7()), GatewayId(Uuid::now_v7()));
    let arrive = |gateway, by| Arriving { user: user(1), name: "Sari", gateway, by, at: NOW };
    let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
    assert_eq!(presence::arrive(&mut db, &[arrive(one, first)]).await.unwrap().len(), 1);
    // A repeat of the same command announces it again; a second gateway is no news.
    assert_eq!(presence::arrive(&mut db, &[arrive(one, first)]).await.unwrap().len(), 1);
    assert_eq!(presence::arrive(&mut db, &[arrive(two, second)]).await.unwrap().len(), 0);
    presence::depart(&mut db, &[(user(1), one, NOW)]).await.unwrap();
    let by = Uuid::now_v7();
    let leaving = |by| Leaving { user: user(1), by, until: NOW + time::Duration::seconds(5) };
    assert!(presence::expire(&mut db, &[leaving(by)]).await.unwrap().is_empty());
    presence::depart(&mut db, &[(user(1), two, NOW)]).await.unwrap();
    for _ in 0..2 {
        let gone = presence::expire(&mut db, &[leaving(by)]).await.unwrap();
        assert_eq!((gone.len(), gone[0].status), (1, Status::Offline));
    }
    // Another command finds it announced.
    assert!(presence::expire(&mut db, &[leaving(Uuid::now_v7())]).await.unwrap().is_empty());
}

#[tokio::test]
async fn only_those_who_share_a_small_room_are_companions() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["small", "large"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let mut joins = Vec::new();
    for (room, users) in [(&ids[0], 1..=3_u128), (&ids[1], 1..=9)] {
        joins.extend(users.map(|n| Moving { room, user: user(n), name: "N", by: Uuid::now_v7(), at: NOW }));
    }
    participants::join(&mut db, &joins).await.unwrap();
    let gateway = GatewayId(Uuid::now_v7());
    for n in [1, 2, 4] {
        let arriving = Arriving { user: user(n), name: "N", gateway, by: Uuid::now_v7(), at: NOW };
        presence::arrive(&mut db, &[arriving]).await.unwrap();
    }
    // 3 is offline, 4 shares the large room only.
    let companions = participants::companions(&mut db, &[user(1).0], 5).await.unwrap();
    assert_eq!(companions[&user(1)], [user(2)]);
}

/// The statements of the migration that gave messages their format.
const MIGRATION: &str = include_str!("../../../../migrations/20261126000010_message_format.sql");

#[tokio::test]
async fn what_was_sanitised_before_there_were_formats_is_html() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    // As it was stored: HTML wherever parsing had found a tag or a reference, and otherwise as it was typed.
    let html =
        ["<b>x</b>", "x<br>", "<a rel=\"noopener noreferrer\">x</a>", "K+ &lt;3.5 <p>x</p>", "A &amp; B", "x&nbsp;y"];
    let text = ["halo", "BP < 90 & HR > 120", "K+ <3.5 mmol/l", "R&D & AT&T", "a;b&", "x <"];
    let stored = |said: &&str| NewMessage { message: (*said).into(), ..message(&ids[0], 1, None) };
    let messages: Vec<_> = html.iter().chain(&text).map(stored).collect();
    let mut db = database.pool.acquire().await.unwrap();
    post(&mut db, &messages).await;
    let updates: Vec<_> = MIGRATION.lines().filter(|line| line.starts_with("UPDATE")).collect();
    assert_eq!(updates.len(), 2);
    for update in updates {
        sqlx::query(update).execute(&mut *db).await.unwrap();
    }
    let stored = messages::after(&mut db, &[(&ids[0], 0)], 100).await.unwrap();
    for message in &stored[&ids[0]] {
        let is_html = html.contains(&message.message.as_str());
        assert_eq!(message.format == MessageFormat::Html, is_html, "{}", message.message);
    }
    assert_eq!(stored[&ids[0]].len(), html.len() + text.len());
}

/// While an upgrade goes on, replicas of the version before write sanitised HTML and know of no format. The control: with the
/// default that the column was made with, it is text, of which readers see every escape.
#[tokio::test]
async fn what_names_no_format_is_html_and_what_is_posted_names_it() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    messages::make_month(&mut db, Clock::system().now() + time::Duration::days(31)).await.unwrap();
    let posted = message(&ids[0], 1, None);
    post(&mut db, std::slice::from_ref(&posted)).await;
    // Into a month that was there before, one that was made since, and the rest.
    let now = uuid::Timestamp::now(uuid::NoContext).to_unix().0;
    for (seq, seconds) in [(2, now), (3, now + 31 * 24 * 60 * 60), (4, 1)] {
        sqlx::query(
            "INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at)
             VALUES ($1, 'a', $2, $3, 'Sari', 'A &amp; B', 'text', now())",
        )
        .bind(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, 0)))
        .bind(seq)
        .bind(user(1).0)
        .execute(&mut *db)
        .await
        .unwrap();
    }
    sqlx::query("INSERT INTO chat_message_edits (command_id, message_id, before, by_user, at) VALUES ($1, $1, 'A &amp; B', $1, now())")
        .bind(posted.id.0)
        .execute(&mut *db)
        .await
        .unwrap();
    let stored = messages::after(&mut db, &[(&ids[0], 0)], 100).await.unwrap();
    let formats: Vec<_> = stored[&ids[0]].iter().map(|message| message.format).collect();
    let html = MessageFormat::Html;
    assert_eq!(formats, [MessageFormat::Text, html, html, html]);
    let before: String = sqlx::query_scalar("SELECT format FROM chat_message_edits").fetch_one(&mut *db).await.unwrap();
    assert_eq!(before, "html");
}

#[tokio::test]
async fn a_room_is_made_searchable_in_parts_and_by_what_a_reader_sees() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let said = |n: usize| match n % 3 {
        0 => (format!("<strong>nomor</strong> {n}"), MessageFormat::Html),
        1 => (format!("RR<normal and HR>{n}"), MessageFormat::Text),
        _ => (format!("Vec&lt;String{n}&gt;"), MessageFormat::Html),
    };
    let new = |n| {
        let (text, format) = said(n);
        NewMessage { message: text, format, ..message(&ids[0], 1, None) }
    };
    post(&mut db, &(0..1_200).map(new).collect::<Vec<_>>()).await;
    let queries = [("nomor", 400), ("normal", 400), ("strong", 0), ("lt", 0), ("String1199", 1), ("<String1199>", 1)];
    // Not all at once: the next goes on. What is left is found too, as long as it is not much.
    for (round, has_more) in [true, true, false].into_iter().enumerate() {
        assert_eq!(search::index(&mut db, &ids[0]).await.unwrap(), has_more);
        for (query, count) in queries.into_iter().filter(|_| round > 0) {
            let found = search::find(&mut db, &ids[0], query, i64::MAX, 2_000).await.unwrap();
            assert_eq!(found.len(), count, "{query}");
        }
    }
}

/// Rows of these tables that this connection has read: it counts on as long as a transaction lasts.
async fn rows_read(db: &mut PgConnection, tables: &str) -> i64 {
    let sql = "SELECT COALESCE(sum(seq_tup_read + COALESCE(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_xact_user_tables
               WHERE relname LIKE $1";
    sqlx::query_scalar(sql).bind(tables).fetch_one(db).await.unwrap()
}

/// As long as a connection of the service's has plans.
async fn with_generic_plans(db: &mut PgConnection) {
    sqlx::query("SET plan_cache_mode = force_generic_plan").execute(&mut *db).await.unwrap();
}

async fn large_room(db: &mut PgConnection, room: &RoomId, count: i32) {
    sqlx::query(
        "INSERT INTO chat_messages (id, room_id, seq, sender_id, sender_name, message, message_type, created_at)
         SELECT gen_random_uuid(), $1, n, $3, 'Sari', 'pasien nomor ' || n || ' demam dan sesak', 'text', $4
         FROM generate_series(1, $2) n",
    )
    .bind(room.as_str())
    .bind(count)
    .bind(user(1).0)
    .bind(NOW)
    .execute(&mut *db)
    .await
    .unwrap();
    let sql = "UPDATE chat_rooms SET last_seq = $2 WHERE id = $1";
    sqlx::query(sql).bind(room.as_str()).bind(i64::from(count)).execute(db).await.unwrap();
}

/// The control: without `chat_search_document` all 20,000 are read each time.
#[tokio::test]
async fn a_search_reads_what_it_finds_and_not_the_room() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a", "b"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    large_room(&mut db, &ids[0], 20_000).await;
    large_room(&mut db, &ids[1], 1_000).await;
    assert_eq!(search::behind(&mut db, "", 10).await.unwrap(), ids);
    for room in &ids {
        while search::index(&mut db, room).await.unwrap() {}
    }
    assert_eq!(search::behind(&mut db, "", 10).await.unwrap(), []);
    with_generic_plans(&mut db).await;
    let words = "pasien nomor 19999 demam sesak ".repeat(4);
    for (query, found, most) in [(words.as_str(), 1, 5), ("kardiologi", 0, 5), ("-kardiologi nomor 7", 1, 5)] {
        sqlx::query("BEGIN").execute(&mut *db).await.unwrap();
        let before = rows_read(&mut db, "chat_search%").await;
        assert_eq!(search::find(&mut db, &ids[0], query, i64::MAX, 51).await.unwrap().len(), found, "{query}");
        let read = rows_read(&mut db, "chat_search%").await - before;
        assert!(read <= most, "{query}: {read}");
        sqlx::query("COMMIT").execute(&mut *db).await.unwrap();
    }
    // The latest come first, and what was said in other rooms is nothing to do with it.
    let found = search::find(&mut db, &ids[1], "demam", i64::MAX, 51).await.unwrap();
    let places = messages::places(&mut db, &found).await.unwrap();
    assert_eq!(places[&MessageId(found[0])].seq, 1_000);
    assert_eq!((found.len(), places[&MessageId(found[50])].seq), (51, 950));
}

/// The control: with a deletion instead of an empty document, what was removed is made searchable again.
#[tokio::test]
async fn what_is_edited_or_removed_while_it_is_made_searchable_stays_so() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let said = |text: &str| NewMessage { message: text.into(), ..message(&ids[0], 1, None) };
    let batch = [said("kardiologi"), said("neurologi")];
    post(&mut db, &batch).await;
    // As another replica does that has read both before they were changed.
    let before: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, message FROM chat_messages ORDER BY seq").fetch_all(&mut *db).await.unwrap();
    let clean = Clean { text: "bedah".into(), format: MessageFormat::Text };
    changes::edit(&mut db, &[Edit { id: batch[0].id, command: Uuid::now_v7(), at: NOW, said: &clean }]).await.unwrap();
    changes::remove(&mut db, &[(batch[1].id, Uuid::now_v7(), NOW)]).await.unwrap();
    for (seq, text) in before {
        sqlx::query("INSERT INTO chat_search VALUES ('a', $1, to_tsvector('indonesian', $2)) ON CONFLICT DO NOTHING")
            .bind(seq)
            .bind(text)
            .execute(&mut *db)
            .await
            .unwrap();
    }
    search::index(&mut db, &ids[0]).await.unwrap();
    for (query, count) in [("kardiologi", 0), ("bedah", 1), ("neurologi", 0)] {
        assert_eq!(search::find(&mut db, &ids[0], query, i64::MAX, 10).await.unwrap().len(), count, "{query}");
    }
}

/// The control: with the conditions of `list` in one statement, as they were, all 30,000 are read.
#[tokio::test]
async fn a_list_of_groups_reads_what_it_shows_whatever_is_looked_for() {
    let database = TestDatabase::create().await.unwrap();
    let mut db = database.pool.acquire().await.unwrap();
    sqlx::query(
        "INSERT INTO study_groups (id, name, description, specialty, is_public, max_members, creator_id, created_at, updated_at)
         SELECT gen_random_uuid(), 'Kelompok ' || n, 'Belajar 100% bersama', 'Bedah', n % 10 > 0, 10, gen_random_uuid(), $1, $1
         FROM generate_series(1, 30000) n",
    )
    .bind(NOW)
    .execute(&mut *db)
    .await
    .unwrap();
    let private: Uuid =
        sqlx::query_scalar("SELECT id FROM study_groups WHERE name = 'Kelompok 20'").fetch_one(&mut *db).await.unwrap();
    groups::join(&mut db, GroupId(private), (user(1), "N"), Uuid::now_v7(), NOW).await.unwrap();
    sqlx::query("ANALYZE study_groups").execute(&mut *db).await.unwrap();
    with_generic_plans(&mut db).await;
    let cases = [
        (None, None, false, 21),
        (None, Some("kardiologi"), false, 0),
        (None, Some("KELOMPOK 29999"), false, 1),
        (None, Some("zz"), false, 0),
        (None, Some("++"), false, 0),
        (None, Some("%"), false, 21),
        (None, Some("kelompok 20"), true, 1),
        (None, Some("29_9"), false, 0),
        (Some("Jantung"), None, false, 0),
        (Some("Bedah"), None, false, 21),
        (Some("Jantung"), Some("kelompok 29999"), false, 0),
        (None, None, true, 1),
    ];
    for (specialty, query, mine, count) in cases {
        let wanted = Wanted { user: user(1), specialty, query, mine, before: None };
        sqlx::query("BEGIN").execute(&mut *db).await.unwrap();
        let before = rows_read(&mut db, "study_groups").await;
        let found = groups::list(&mut db, &wanted, 21).await.unwrap();
        assert_eq!(found.len(), count, "{wanted:?}");
        let read = rows_read(&mut db, "study_groups").await - before;
        let is_sign = query.is_some_and(|text| !text.contains(char::is_alphanumeric));
        assert!(read < if is_sign { 1_100 } else { 100 }, "{wanted:?}: {read}");
        sqlx::query("COMMIT").execute(&mut *db).await.unwrap();
    }
    // What one is in is found though it is not public, once and in its place.
    let wanted = Wanted { user: user(1), specialty: None, query: Some("kelompok 20"), mine: false, before: None };
    let found = groups::list(&mut db, &wanted, 10_000).await.unwrap();
    assert!(found.contains(&private) && found.is_sorted_by(|one, other| one > other));
    let stranger = Wanted { user: user(2), ..wanted };
    assert!(!groups::list(&mut db, &stranger, 10_000).await.unwrap().contains(&private));
}

/// The control: counting up to a thousand in each room reads 100,000.
#[tokio::test]
async fn a_list_of_rooms_looks_at_few_of_the_unread_messages() {
    let database = TestDatabase::create().await.unwrap();
    let names: Vec<String> = (0..100).map(|n| format!("room-{n}")).collect();
    let ids = open(&database, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut db = database.pool.acquire().await.unwrap();
    for id in &ids {
        large_room(&mut db, id, 1_200).await;
    }
    let joins: Vec<_> =
        ids.iter().map(|room| Moving { room, user: user(2), name: "N", by: Uuid::now_v7(), at: NOW }).collect();
    participants::join(&mut db, &joins).await.unwrap();
    let shown = async |db: &mut PgConnection| {
        let rooms = room_list::load(db, user(2), false, 100).await.unwrap();
        let of = |id: &RoomId| rooms.iter().find(|room| room.id == id.as_str()).unwrap().unread_count;
        ids.iter().map(of).collect::<Vec<_>>()
    };
    with_generic_plans(&mut db).await;
    sqlx::query("BEGIN").execute(&mut *db).await.unwrap();
    let before = rows_read(&mut db, "chat_messages%").await;
    assert_eq!(shown(&mut db).await, [1_000; 100]);
    let read = rows_read(&mut db, "chat_messages%").await - before;
    assert!(read < 100 * 60, "{read}");
    sqlx::query("COMMIT").execute(&mut *db).await.unwrap();
    // One's own and what was removed does not count among the first fifty, and does behind them.
    let change = "UPDATE chat_participants SET last_read_seq = 1180 WHERE room_id = 'room-0';
                  UPDATE chat_messages SET sender_id = '00000000-0000-0000-0000-000000000002' WHERE room_id = 'room-0' AND seq = 1190;
                  UPDATE chat_messages SET removed_at = now() WHERE room_id = 'room-0' AND seq = 1191;
                  UPDATE chat_participants SET last_read_seq = 1100 WHERE room_id = 'room-1';
                  UPDATE chat_messages SET removed_at = now() WHERE room_id = 'room-1' AND seq IN (1110, 1190);
                  UPDATE chat_participants SET last_read_seq = 1200 WHERE room_id = 'room-2'";
    sqlx::raw_sql(change).execute(&mut *db).await.unwrap();
    assert_eq!(shown(&mut db).await[..4], [18, 99, 0, 1_000]);
}

/// The control: with `DO NOTHING` in place of the update, no part is found once the room counts as gone through.
#[tokio::test]
async fn what_the_release_before_made_searchable_is_found_by_its_parts() {
    let database = TestDatabase::create().await.unwrap();
    let ids = open(&database, &["a"]).await;
    let mut db = database.pool.acquire().await.unwrap();
    let said = |text: &str| NewMessage { message: text.into(), ..message(&ids[0], 1, None) };
    post(&mut db, &[said("ada mual/muntah"), said("siap👍 TD120.5")]).await;
    // The first by the release that took no words apart, the second by the one that divided them by a list of signs.
    for sql in [
        "INSERT INTO chat_search (room_id, seq, document, has_parts)
         SELECT room_id, seq, to_tsvector('indonesian', message), seq = 2 FROM chat_messages",
        "INSERT INTO chat_search_rooms (room_id, indexed_seq, parts_seq) VALUES ('a', 2, 2)",
    ] {
        sqlx::query(sql).execute(&mut *db).await.unwrap();
    }
    assert_eq!(search::behind(&mut db, "", 10).await.unwrap(), ids);
    search::index(&mut db, &ids[0]).await.unwrap();
    assert_eq!(search::behind(&mut db, "", 10).await.unwrap(), []);
    for query in ["muntah", "mual", "mual/muntah", "siap", "120.5", "TD120", "TD120.5"] {
        assert_eq!(search::find(&mut db, &ids[0], query, i64::MAX, 10).await.unwrap().len(), 1, "{query}");
    }
}
