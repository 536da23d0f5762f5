//! The running service on a real broker and a real Postgres, fed with graded exams as the exam service publishes them.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use sinaesta_bus::Bus;
use sinaesta_clock::Clock;
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::leaderboard::{
    BoardId, FindRanks, LeaderboardData, LeaderboardUpdated, Period, Recomputed, RequestLeaderboard, TellBoard,
    UpdateLeaderboard,
};
use sinaesta_contracts::{
    Actor, Audience, Command, Event, ExamId, Partition, Points, ResultId, Role, SessionId, Subject, Timestamp, UserId,
    code,
};
use sinaesta_leaderboard::domain::calendar::Calendar;
use sinaesta_testkit::{TestDatabase, TestNats, actor, until};
use sqlx::AssertSqlSafe;
use time::OffsetDateTime;
use time::macros::datetime;
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
        Self::start_with(String::new()).await
    }

    /// The same with lines added to the broker's configuration.
    async fn start_with(config: String) -> Self {
        let (nats, database) = (TestNats::start_with(config).await.unwrap(), TestDatabase::create().await.unwrap());
        let bus = nats.bus("test").await.unwrap();
        Self { nats, database, bus }
    }

    /// One more replica; it ends with what this gives.
    fn replica(&self, clock: Clock) -> DropGuard {
        self.replica_that_compares(50, clock)
    }

    /// One that compares a board every so many milliseconds.
    fn replica_that_compares(&self, compare_ms: u64, clock: Clock) -> DropGuard {
        let mut settings = self.nats.settings().unwrap();
        settings.database.url = self.database.url.clone().into();
        settings.leaderboard.http_port = 0;
        settings.leaderboard.compare_ms = compare_ms;
        let stop = CancellationToken::new();
        tokio::spawn(sinaesta_leaderboard::run_with(settings, clock, stop.clone()));
        stop.drop_guard()
    }

    async fn publish(&self, graded: &ExamGraded) {
        let subject = Subject::Event(ExamGraded::DOMAIN, ExamGraded::NAME).to_string();
        let jetstream = async_nats::jetstream::new(self.nats.client().await.unwrap());
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{}.{}", graded.result_id, Uuid::now_v7()));
        let payload = serde_json::to_vec(graded).unwrap();
        jetstream.publish_with_headers(subject, headers, payload.into()).await.unwrap().await.unwrap();
    }

    /// The updates of a board from now on.
    async fn watch(&self, board: &BoardId) -> tokio::sync::mpsc::UnboundedReceiver<LeaderboardUpdated> {
        let subject = Subject::Live(&Audience::Board(board.clone())).to_string();
        let mut heard = self.nats.client().await.unwrap().subscribe(subject).await.unwrap();
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(message) = heard.next().await {
                sender.send(serde_json::from_slice(&message.payload).unwrap()).ok();
            }
        });
        receiver
    }

    async fn sql(&self, text: &str) {
        sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&self.database.pool).await.unwrap();
    }

    async fn board(&self, who: &Actor, period: Period, specialty: Option<&str>) -> LeaderboardData {
        let request = request(period, specialty);
        self.bus.ask(who, &request).await.unwrap()
    }

    /// Who stands where, by number of the user.
    async fn places(&self, period: Period, specialty: Option<&str>) -> Vec<(u32, u128, i64)> {
        let Ok(data) = self.bus.ask(&student(0), &request(period, specialty)).await else { return Vec::new() };
        let number = |user: UserId| user.0.as_u128();
        data.entries.iter().map(|one| (one.rank, number(one.user_id), one.total_score.hundredths())).collect()
    }
}

fn request(period: Period, specialty: Option<&str>) -> RequestLeaderboard {
    RequestLeaderboard {
        period,
        specialty: specialty.map(|name| name.to_owned().try_into().unwrap()),
        limit: 100.try_into().unwrap(),
        around: false,
        period_start: None,
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

fn student(number: u128) -> Actor {
    actor(number, Role::Student)
}

fn graded(user: u128, exam: u128, points: i64, completed_at: OffsetDateTime) -> ExamGraded {
    let attempt = Uuid::from_u128(user << 64 | exam);
    ExamGraded {
        exam_id: ExamId(Uuid::from_u128(exam)),
        exam_title: "Tryout".into(),
        specialty: if exam.is_multiple_of(2) { "Kardiologi" } else { "Ilmu Bedah" }.into(),
        session_id: SessionId(attempt),
        result_id: ResultId(attempt),
        key_version: 1,
        is_correction: false,
        user_id: UserId(Uuid::from_u128(user)),
        user_name: format!("Student {user}"),
        user_avatar: None,
        score: Points::from_hundredths(points * 100),
        max_score: Points::from_hundredths(2_000),
        percentage: 50.0,
        correct_count: 1,
        total_questions: 20,
        completed_at: Timestamp(completed_at),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_counted_once_on_every_board_they_touch_whatever_comes_again_or_late() {
    let stack = Stack::start().await;
    let now = Clock::system().now();
    let _replicas = [stack.replica(Clock::system()), stack.replica(Clock::system())];
    let last_year = now - time::Duration::days(400);
    for one in [
        graded(1, 2, 10, now),
        graded(1, 2, 10, now),
        graded(1, 3, 5, now),
        graded(2, 2, 12, now),
        graded(3, 2, 8, last_year),
        // A second attempt at the same exam counts if it is better, a worse one does not.
        ExamGraded { result_id: ResultId(Uuid::from_u128(77)), ..graded(2, 2, 14, now) },
        ExamGraded { result_id: ResultId(Uuid::from_u128(78)), ..graded(1, 3, 1, now) },
    ] {
        stack.publish(&one).await;
    }
    until("the boards are counted", async || {
        stack.places(Period::AllTime, None).await == [(1, 1, 1_500), (2, 2, 1_400), (3, 3, 800)]
    })
    .await;
    // Each question may be answered by either replica, and one may be a moment behind the other.
    until("both replicas agree", async || {
        stack.places(Period::Weekly, None).await == [(1, 1, 1_500), (2, 2, 1_400)]
            && stack.places(Period::Monthly, Some("Kardiologi")).await == [(1, 2, 1_400), (2, 1, 1_000)]
            && stack.places(Period::Weekly, Some("Ilmu Bedah")).await == [(1, 1, 500)]
    })
    .await;
    // A corrected key moves its owner; an older one does not move them back.
    stack.publish(&ExamGraded { key_version: 3, ..graded(1, 2, 3, now) }).await;
    stack.publish(&ExamGraded { key_version: 2, ..graded(1, 2, 20, now) }).await;
    stack.publish(&graded(4, 2, 1, now)).await;
    until("the correction is counted", async || {
        stack.places(Period::AllTime, None).await == [(1, 2, 1_400), (2, 3, 800), (3, 1, 800), (4, 4, 100)]
    })
    .await;
    until("both replicas agree", async || {
        let mine = stack.board(&student(1), Period::AllTime, None).await.user_rank.unwrap();
        (mine.rank, mine.exams_completed, mine.average_score.hundredths(), mine.participants) == (3, 2, 400, 4)
    })
    .await;
    assert!(stack.board(&student(9), Period::AllTime, None).await.user_rank.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn boards_in_memory_are_those_that_sql_ranks() {
    let stack = Stack::start().await;
    let now = Clock::system().now();
    let _replica = stack.replica(Clock::system());
    for number in 0..120_u32 {
        let points = i64::from(number * 7919 % 20);
        stack.publish(&graded(u128::from(number % 50 + 1), u128::from(number), points, now)).await;
    }
    let ranked = async |specialty: &str| -> Vec<(u32, u128, i64)> {
        let rows: Vec<(Uuid, i64)> = sqlx::query_as(
            "SELECT user_id, sum(score_hundredths)::bigint FROM leaderboard_results WHERE $1 = '' OR specialty = $1
             GROUP BY user_id ORDER BY 2 DESC, CASE WHEN sum(score_hundredths) = 0 THEN 0 ELSE count(*) END,
               COALESCE(max(completed_at) FILTER (WHERE score_hundredths > 0), min(completed_at)), user_id",
        )
        .bind(specialty)
        .fetch_all(&stack.database.pool)
        .await
        .unwrap();
        (1..).zip(rows).map(|(rank, (user, total))| (rank, user.as_u128(), total)).collect()
    };
    until("all results are kept", async || {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM leaderboard_results")
            .fetch_one(&stack.database.pool)
            .await
            .unwrap();
        count == 120
    })
    .await;
    for specialty in ["", "Kardiologi", "Ilmu Bedah"] {
        let name = Some(specialty).filter(|name| !name.is_empty());
        let expected = ranked(specialty).await;
        for period in Period::ALL {
            until("the board is as SQL ranks it", async || stack.places(period, name).await == expected).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_week_turns_over_at_its_boundary_and_the_old_one_stays_readable() {
    let stack = Stack::start().await;
    // Sunday 22 November 2026, 23:59:30 in Jakarta.
    let clock = Clock::manual(datetime!(2026-11-22 16:59:30 UTC));
    let _replica = stack.replica(clock.clone());
    let monday = datetime!(2026-11-22 17:00 UTC);
    stack.publish(&graded(1, 2, 10, monday - time::Duration::seconds(40))).await;
    until("the old week has its result", async || stack.places(Period::Weekly, None).await == [(1, 1, 1_000)]).await;
    clock.advance(Duration::from_secs(30));
    assert!(stack.places(Period::Weekly, None).await.is_empty(), "a new week begins empty");
    // Completed in the old week, heard of in the new one.
    stack.publish(&graded(2, 2, 12, monday - time::Duration::milliseconds(1))).await;
    stack.publish(&graded(3, 2, 5, monday)).await;
    until("the new week has its own", async || stack.places(Period::Weekly, None).await == [(1, 3, 500)]).await;
    let old = RequestLeaderboard {
        period_start: Some(Timestamp(monday - time::Duration::days(1))),
        ..request(Period::Weekly, None)
    };
    let old: LeaderboardData = stack.bus.ask(&student(1), &old).await.unwrap();
    let places: Vec<_> = old.entries.iter().map(|one| (one.rank, one.user_id.0.as_u128())).collect();
    assert_eq!(places, [(1, 2), (2, 1)]);
    assert_eq!(old.user_rank.unwrap().rank, 2);
    assert_eq!(old.period_start, Some(Timestamp(datetime!(2026-11-15 17:00 UTC))));
    // It is remembered from now on, until something changes it after all.
    stack.publish(&graded(4, 2, 11, monday - time::Duration::seconds(1))).await;
    until("the old week has what came late", async || {
        let old = RequestLeaderboard {
            period_start: Some(Timestamp(monday - time::Duration::days(1))),
            ..request(Period::Weekly, None)
        };
        let old: LeaderboardData = stack.bus.ask(&student(1), &old).await.unwrap();
        old.entries.iter().map(|one| one.user_id.0.as_u128()).eq([2, 4, 1])
    })
    .await;
    let all: BTreeMap<_, _> = stack.places(Period::AllTime, None).await.into_iter().map(|one| (one.1, one.0)).collect();
    assert_eq!(all, BTreeMap::from([(2, 1), (4, 2), (1, 3), (3, 4)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_result_is_in_two_weeks_or_in_none_when_the_week_turns_over_under_load() {
    let stack = Stack::start().await;
    let monday = datetime!(2026-11-22 17:00 UTC);
    let clocks = [Clock::manual(monday - Duration::from_secs(3)), Clock::manual(monday - Duration::from_secs(3))];
    let _replicas = clocks.each_ref().map(|clock| stack.replica(clock.clone()));
    // Three hundred students, completed within the seconds around midnight, heard of in no order; each clock turns over
    // at a moment of its own.
    let at = |user: u32| monday + time::Duration::milliseconds(i64::from(user * 7919 % 6_000) - 3_000);
    let publish = async {
        for user in 1..=300_u32 {
            stack.publish(&graded(u128::from(user), 2, 1, at(user))).await;
        }
    };
    let turn = async {
        for clock in &clocks {
            for _ in 0..60 {
                clock.advance(Duration::from_millis(100));
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    tokio::join!(publish, turn);
    let week = async |within: OffsetDateTime| {
        let request = RequestLeaderboard { period_start: Some(Timestamp(within)), ..request(Period::Weekly, None) };
        let mut on_it = Vec::new();
        for user in 1..=300_u32 {
            if stack.bus.ask(&student(u128::from(user)), &request).await.unwrap().user_rank.is_some() {
                on_it.push(user);
            }
        }
        on_it
    };
    let (before, after): (Vec<u32>, Vec<u32>) = (1..=300).partition(|user| at(*user) < monday);
    assert!(before.len() > 100 && after.len() > 100);
    until("the new week has all of its results", async || week(monday).await == after).await;
    assert_eq!(week(monday - time::Duration::seconds(1)).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_of_a_week_that_has_not_begun_here_is_there_when_it_does() {
    let stack = Stack::start().await;
    let monday = datetime!(2026-11-22 17:00 UTC);
    // A little behind the broker's.
    let clock = Clock::manual(monday - Duration::from_secs(1));
    let _replica = stack.replica(clock.clone());
    stack.publish(&graded(1, 2, 10, monday)).await;
    until("it is counted", async || stack.places(Period::AllTime, None).await.len() == 1).await;
    assert!(stack.places(Period::Weekly, None).await.is_empty());
    clock.advance(Duration::from_secs(2));
    assert_eq!(stack.places(Period::Weekly, None).await, [(1, 1, 1_000)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_name_does_not_come_back() {
    let stack = Stack::start().await;
    let now = Clock::system().now();
    let _replica = stack.replica(Clock::system());
    let named = |name: &str, exam, at| ExamGraded { user_name: name.into(), ..graded(1, exam, 5, at) };
    stack.publish(&named("Putri Maharani, S.Ked", 2, now)).await;
    // Graded anew, with the name of then.
    stack.publish(&named("Putri", 4, now - time::Duration::days(300))).await;
    until("both are counted", async || stack.places(Period::AllTime, None).await == [(1, 1, 1_000)]).await;
    let board = stack.board(&student(1), Period::AllTime, None).await;
    assert_eq!(board.entries[0].user_name, "Putri Maharani, S.Ked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recomputation_repairs_what_is_wrong_and_only_admins_may_ask_for_it() {
    let stack = Stack::start().await;
    let now = Clock::system().now();
    let replica = stack.replica(Clock::system());
    for user in 1..=5 {
        stack.publish(&graded(user, 2, user as i64, now)).await;
    }
    let right = [(1, 5, 500), (2, 4, 400), (3, 3, 300), (4, 2, 200), (5, 1, 100)];
    until("the board is there", async || stack.places(Period::Weekly, None).await == right).await;
    for damage in [
        "UPDATE leaderboard_entries SET total_hundredths = 9900 WHERE user_id = '00000000-0000-0000-0000-000000000001'",
        "DELETE FROM leaderboard_entries WHERE user_id = '00000000-0000-0000-0000-000000000002'",
        "INSERT INTO leaderboard_entries SELECT period, period_start, specialty, '00000000-0000-0000-0000-000000000063',
           1, 1, reached_at, 1 FROM leaderboard_entries WHERE user_id = '00000000-0000-0000-0000-000000000003'",
    ] {
        sqlx::query(damage).execute(&stack.database.pool).await.unwrap();
    }
    // One that begins with what is wrong, and has nothing but the news of the recomputation to be put right by.
    drop(replica);
    let _replica = stack.replica_that_compares(3_600_000, Clock::system());
    until("what is wrong is shown", async || stack.places(Period::Weekly, None).await.first() == Some(&(1, 1, 9_900)))
        .await;
    let recompute = async |who: &Actor| {
        let sent = stack.bus.dispatch(Uuid::now_v7(), who, &UpdateLeaderboard {}).await.unwrap();
        sent.answer(LIMIT).await.map(|reply| serde_json::from_str::<Recomputed>(reply.get()).unwrap())
    };
    for role in [Role::Student, Role::Mentor] {
        assert_eq!(recompute(&actor(1, role)).await.unwrap_err().code, code::FORBIDDEN);
    }
    // Each of three people has an entry on six boards.
    assert_eq!(recompute(&actor(1, Role::ProgramAdmin)).await.unwrap().repaired, 18);
    until("the board is right again", async || stack.places(Period::Weekly, None).await == right).await;
    assert_eq!(recompute(&actor(1, Role::SuperAdmin)).await.unwrap().repaired, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replica_missed_is_found_by_comparison() {
    let stack = Stack::start().await;
    let now = Clock::system().now();
    let _replica = stack.replica(Clock::system());
    stack.publish(&graded(1, 2, 10, now)).await;
    stack.publish(&graded(2, 2, 5, now)).await;
    until("the board is there", async || stack.places(Period::AllTime, None).await.len() == 2).await;
    // Changed behind everybody's back, as if the news of it had got lost.
    sqlx::query("UPDATE leaderboard_entries SET total_hundredths = 2000 WHERE user_id = $1")
        .bind(Uuid::from_u128(2))
        .execute(&stack.database.pool)
        .await
        .unwrap();
    until("it is repaired", async || stack.places(Period::AllTime, None).await == [(1, 2, 2_000), (2, 1, 1_000)]).await;
    let board = BoardId { period: Period::AllTime, specialty: None };
    let find = FindRanks { board, users: vec![UserId(Uuid::from_u128(2)), UserId(Uuid::from_u128(9))] };
    assert_eq!(stack.bus.ask(&student(1), &find).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_calendar_begins_periods_when_the_database_does() {
    let database = TestDatabase::create().await.unwrap();
    for zone in ["Asia/Jakarta", "UTC", "Europe/Berlin", "America/New_York"] {
        let calendar = Calendar::new(zone).unwrap();
        for hours in (0..20_000).step_by(37) {
            let at = datetime!(2025-01-01 00:30 UTC) + time::Duration::hours(hours);
            for (period, unit) in [(Period::Weekly, "week"), (Period::Monthly, "month")] {
                let start: OffsetDateTime =
                    sqlx::query_scalar("SELECT date_trunc($1, $2::timestamptz AT TIME ZONE $3) AT TIME ZONE $3")
                        .bind(unit)
                        .bind(at)
                        .bind(zone)
                        .fetch_one(&database.pool)
                        .await
                        .unwrap();
                assert_eq!(calendar.start(period, at), start, "{zone}, {at}");
            }
        }
    }
}

/// What is wrong with one board is wrong with that board.
#[tokio::test(flavor = "multi_thread")]
async fn a_board_that_can_not_be_read_keeps_no_other_from_being_right() {
    let stack = Stack::start().await;
    let now = Clock::system().now();
    let replica = stack.replica(Clock::system());
    for (exam, specialty) in [(2, "Kardiologi"), (3, "Ilmu Bedah")] {
        stack.publish(&graded(1, exam, 10, now)).await;
        until("the board is there", async || stack.places(Period::Weekly, Some(specialty)).await.len() == 1).await;
    }
    // Whoever reads when somebody on it got there is refused, and it is counted.
    stack
        .sql(
            "CREATE SEQUENCE refused;
             CREATE FUNCTION refuse() RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$ BEGIN
               PERFORM nextval('refused');
               RAISE 'this board can not be read';
             END $$;
             ALTER TABLE leaderboard_entries RENAME TO entries_as_they_are;
             CREATE VIEW leaderboard_entries AS SELECT period, period_start, specialty, user_id, total_hundredths,
               exams_completed, CASE specialty WHEN 'Ilmu Bedah' THEN refuse() ELSE reached_at END AS reached_at, version
             FROM entries_as_they_are;
             UPDATE entries_as_they_are SET total_hundredths = 1 WHERE specialty = 'Ilmu Bedah'",
        )
        .await;
    let refused = async || -> i64 {
        sqlx::query_scalar("SELECT last_value FROM refused").fetch_one(&stack.database.pool).await.unwrap()
    };
    until("it is tried again", async || refused().await >= 3).await;
    stack.sql("UPDATE entries_as_they_are SET total_hundredths = 2000 WHERE specialty = 'Kardiologi'").await;
    until("the other one is repaired", async || {
        stack.places(Period::Weekly, Some("Kardiologi")).await == [(1, 1, 2_000)]
    })
    .await;
    assert_eq!(stack.places(Period::Weekly, Some("Ilmu Bedah")).await, [(1, 1, 1_000)], "as it was");
    drop(replica);
    until("nobody answers", async || stack.bus.ask(&student(0), &request(Period::Weekly, None)).await.is_err()).await;
    // Whoever starts then answers for all others, and says nothing of that one until it can be read.
    let _replica = stack.replica(Clock::system());
    until("the others are there", async || stack.places(Period::Weekly, Some("Kardiologi")).await == [(1, 1, 2_000)])
        .await;
    let error = stack.bus.ask(&student(0), &request(Period::Weekly, Some("Ilmu Bedah"))).await.unwrap_err();
    assert_eq!(error.code, code::UNAVAILABLE);
    let find = FindRanks {
        board: BoardId { period: Period::Weekly, specialty: Some("Ilmu Bedah".into()) },
        users: vec![UserId(Uuid::from_u128(1))],
    };
    assert_eq!(stack.bus.ask(&student(0), &find).await.unwrap_err().code, code::UNAVAILABLE);
    stack.sql("DROP VIEW leaderboard_entries; ALTER TABLE entries_as_they_are RENAME TO leaderboard_entries").await;
    until("it is read", async || stack.places(Period::Weekly, Some("Ilmu Bedah")).await == [(1, 1, 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_whose_command_the_broker_does_not_take_keeps_no_other_from_being_told() {
    let boards = Period::ALL.into_iter().flat_map(|period| {
        [None, Some("Kardiologi")].map(|name| BoardId { period, specialty: name.map(str::to_owned) })
    });
    let told = BoardId { period: Period::Weekly, specialty: None };
    let partition = |board: &BoardId| Partition::of(&board.to_string());
    let refused = boards.map(|board| partition(&board)).filter(|one| *one != partition(&told));
    let subjects = refused.map(|one| format!("\"{}\"", Subject::Command(TellBoard::SERVICE, TellBoard::NAME, one)));
    let subjects: Vec<_> = subjects.collect();
    assert!(subjects.len() > 2, "{subjects:?}");
    let stack = Stack::start_with(format!(
        "authorization {{ users = [ {{ user: all, password: all, permissions: {{
           publish: {{ deny: [{}] }}, subscribe: {{ allow: \">\" }} }} }} ] }}
         no_auth_user: all",
        subjects.join(", ")
    ))
    .await;
    let mut updates = stack.watch(&told).await;
    let _replica = stack.replica(Clock::system());
    until("a replica answers", async || stack.bus.ask(&student(0), &request(Period::Weekly, None)).await.is_ok()).await;
    for user in 1..=3 {
        stack.publish(&graded(user, 2, 10 + user as i64, Clock::system().now())).await;
        let due = Instant::now() + LIMIT;
        while tokio::time::timeout_at(due.into(), updates.recv()).await.unwrap().unwrap().entries.len() < user as usize
        {
        }
    }
}

/// One replica is more than a minute ahead of the broker, and one behind: what they announce has the broker's time.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_has_the_brokers_time_whatever_the_clocks_say() {
    let stack = Stack::start().await;
    let began = Clock::system().now();
    let board = BoardId { period: Period::Weekly, specialty: None };
    let mut updates = stack.watch(&board).await;
    let _replicas = [-75, 75].map(|seconds| stack.replica(wrong_by(seconds)));
    until("a replica answers", async || stack.bus.ask(&student(0), &request(Period::Weekly, None)).await.is_ok()).await;
    let mut last = began - time::Duration::seconds(1);
    for user in 1..=3 {
        stack.publish(&graded(user, 2, 10, began)).await;
        loop {
            let updated = tokio::time::timeout(LIMIT, updates.recv()).await.unwrap().unwrap();
            let at = updated.timestamp.0;
            assert!(at >= last && at <= Clock::system().now(), "{at}");
            last = at;
            if updated.entries.len() == user as usize {
                break;
            }
        }
    }
}
