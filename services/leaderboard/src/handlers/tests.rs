//! Handlers on a real Postgres and a real broker, called as the runtime calls them: batches are put together by hand, with
//! the ids and stamps that are wanted. The service's own clock is wrong throughout: nothing here may depend on it.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value;
use sinaesta_bus::{CommandHandler, EventHandler, Heard, Outbound, QueryHandler, Received};
use sinaesta_clock::Clock;
use sinaesta_contracts::exam_grading::ExamGraded;
use sinaesta_contracts::leaderboard::{
    BoardId, FindRanks, LeaderboardUpdated, Period, RequestLeaderboard, Standing, StandingsChanged, TellBoard,
    UpdateLeaderboard,
};
use sinaesta_contracts::{Actor, ExamId, Points, ResultId, Role, SessionId, Timestamp, UserId};
use sinaesta_testkit::{TestDatabase, TestNats, actor};
use sqlx::AssertSqlSafe;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::*;
use crate::context::Context;
use crate::domain::calendar::Calendar;
use crate::index::Index;
use crate::jobs::broadcast::Changes;
use crate::past::Past;

/// A Monday, 15:00 in Jakarta.
pub(crate) const START: OffsetDateTime = datetime!(2026-11-23 08:00 UTC);
/// The next one's beginning.
pub(crate) const MONDAY: OffsetDateTime = datetime!(2026-11-29 17:00 UTC);

pub(crate) struct Bench {
    pub(crate) context: Context,
    nats: TestNats,
    _database: TestDatabase,
}

impl Bench {
    /// With a clock that stands at a moment.
    pub(crate) async fn start(at: OffsetDateTime) -> Self {
        let (nats, database) = (TestNats::start().await.unwrap(), TestDatabase::create().await.unwrap());
        let settings = nats.settings().unwrap().leaderboard;
        let calendar = Calendar::new(&settings.time_zone).unwrap();
        let context = Context {
            bus: nats.bus("leaderboard").await.unwrap(),
            pool: database.pool.clone(),
            queries: database.pool.clone(),
            index: Index::new(calendar.clone()),
            past: Past::new(settings.past_boards_bytes, settings.concurrent_rankings),
            changes: Changes::default(),
            calendar,
            clock: Clock::manual(at),
            settings: Arc::new(settings),
        };
        Self { context, nats, _database: database }
    }

    /// A plain connection to the broker.
    pub(crate) async fn client(&self) -> async_nats::Client {
        self.nats.client().await.unwrap()
    }

    async fn everything(&self) -> Vec<String> {
        let mut all = Vec::new();
        for table in ["leaderboard_entries", "leaderboard_people", "leaderboard_results"] {
            let sql = format!("SELECT r::text FROM {table} r ORDER BY 1");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.context.pool).await.unwrap();
            all.extend(rows);
        }
        all
    }

    /// Takes results, and has the index follow what is published of them.
    pub(crate) async fn take(&self, batch: &[Heard<ExamGraded>]) -> Vec<(String, Value)> {
        let published = self.hear(batch).await;
        self.follow(&published);
        published
    }

    async fn hear(&self, batch: &[Heard<ExamGraded>]) -> Vec<(String, Value)> {
        let handler = exam_graded::Handler(self.context.clone());
        handler.handle(batch).await.unwrap().iter().map(published).collect()
    }

    fn follow(&self, published: &[(String, Value)]) {
        for (name, event) in published {
            if name.starts_with("standings-changed") {
                let event: StandingsChanged = serde_json::from_value(event.clone()).unwrap();
                self.context.index.apply(&event.standings, event.people, self.context.clock.now());
            }
        }
    }
}

fn published(outbound: &Outbound) -> (String, Value) {
    match outbound {
        Outbound::Deliver { audience, event, payload, .. } => {
            (format!("{event} to {audience:?}"), serde_json::from_str(payload.get()).unwrap())
        }
        Outbound::Event { name, payload, id, .. } => {
            (format!("{name} {id:?}"), serde_json::from_str(payload.get()).unwrap())
        }
    }
}

pub(crate) fn graded(user: u128, exam: u128, points: i64, seconds: i64) -> Heard<ExamGraded> {
    let attempt = Uuid::from_u128(user << 64 | exam);
    let at = START + Duration::seconds(seconds);
    let event = ExamGraded {
        exam_id: ExamId(Uuid::from_u128(exam)),
        exam_title: "Tryout".into(),
        specialty: "Kardiologi".into(),
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
        completed_at: Timestamp(at),
    };
    Heard { id: format!("graded.{attempt}"), stamped_at: at, event }
}

fn command<C>(number: u128, who: &Actor, command: C, at: OffsetDateTime) -> Received<C> {
    Received { id: Uuid::from_u128(number), actor: who.clone(), command, stamped_at: at, from: None }
}

fn weekly(specialty: Option<&str>) -> BoardId {
    BoardId { period: Period::Weekly, specialty: specialty.map(str::to_owned) }
}

fn overtaken(published: &[(String, Value)]) -> Vec<Value> {
    let events = published.iter().filter(|(name, _)| name.starts_with("people-overtaken"));
    events.flat_map(|(_, event)| event["overtakes"].as_array().unwrap().clone()).collect()
}

async fn tell(handler: &tell_board::Handler, batch: &[Received<TellBoard>]) -> Vec<Vec<(String, Value)>> {
    let outcomes = handler.handle(batch).await.unwrap();
    outcomes.iter().map(|one| one.outbound.iter().map(published).collect()).collect()
}

#[tokio::test]
async fn a_result_that_is_heard_of_again_changes_nothing_and_is_told_again() {
    let bench = Bench::start(START).await;
    for user in 2..=4 {
        bench.take(&[graded(user, 1, 10 - user as i64, 0)]).await;
    }
    // Past two of the three, on two boards.
    let one = graded(1, 1, 7, 10);
    let first = bench.hear(std::slice::from_ref(&one)).await;
    assert_eq!(overtaken(&first).len(), 1, "{first:?}");
    let stored = bench.everything().await;
    // By the next owner, before what was published is followed and after it.
    for _ in 0..2 {
        assert_eq!(bench.hear(std::slice::from_ref(&one)).await, first);
        assert_eq!(bench.everything().await, stored);
        bench.follow(&first);
    }
    assert_eq!(bench.hear(&[one.clone(), one.clone()]).await, first);
    assert_eq!(bench.everything().await, stored);
    // Told of once more by its owner, after the broker lost what it had: nobody is passed by that.
    let retold = Heard { stamped_at: START + Duration::days(1), ..one.clone() };
    assert_eq!(overtaken(&bench.hear(&[retold]).await), [Value::Null; 0]);
    assert_eq!(bench.everything().await, stored);
    // Another result of the same person has come since: the first passes nobody any more.
    bench.take(&[graded(1, 2, 5, 20)]).await;
    assert_eq!(overtaken(&bench.hear(&[one]).await), [Value::Null; 0]);
}

#[tokio::test]
async fn two_gradings_of_one_result_in_one_batch_count_by_the_newer_key() {
    let bench = Bench::start(START).await;
    let by_key = |key_version, points| {
        let mut one = graded(1, 1, points, i64::from(key_version));
        one.event.key_version = key_version;
        one
    };
    let batch = [by_key(1, 5), by_key(2, 9), by_key(1, 5), graded(2, 1, 7, 5)];
    let standings = |mut published: Vec<(String, Value)>| {
        published.retain(|(name, _)| name.starts_with("standings-changed"));
        published
    };
    let first = standings(bench.take(&batch).await);
    let stored = bench.everything().await;
    assert_eq!(standings(bench.take(&batch).await), first);
    for one in batch {
        bench.take(&[one]).await;
    }
    assert_eq!(bench.everything().await, stored);
    let board = weekly(None);
    let ranks = bench.context.index.ranks(&board, &[1, 2].map(|user| UserId(Uuid::from_u128(user))), START);
    assert_eq!(ranks.iter().map(|one| one.total_score.hundredths()).collect::<Vec<_>>(), [900, 700]);
}

#[tokio::test]
async fn of_two_exams_that_ended_at_once_the_first_says_how_somebody_is_shown() {
    let bench = Bench::start(START).await;
    let named = |exam, name: &str| {
        let mut one = graded(1, exam, 5, 0);
        one.event.user_name = name.into();
        one
    };
    bench.take(&[named(1, "Putri")]).await;
    bench.take(&[named(2, "Putri Maharani")]).await;
    let stored = bench.everything().await;
    bench.take(&[named(1, "Putri")]).await;
    bench.take(&[named(2, "Putri Maharani"), named(1, "Putri")]).await;
    assert_eq!(bench.everything().await, stored);
}

#[tokio::test]
async fn a_board_that_is_told_again_is_told_as_it_was() {
    let bench = Bench::start(START).await;
    bench.take(&[graded(1, 1, 5, 0)]).await;
    let handler = tell_board::Handler::new(bench.context.clone());
    let board = TellBoard { board: weekly(None) };
    let one = command(11, &Actor::system(), board.clone(), START);
    let first = tell(&handler, std::slice::from_ref(&one)).await.remove(0);
    assert_eq!(first.len(), 1);
    let again = Received { stamped_at: START + Duration::seconds(3), ..one.clone() };
    for batch in [vec![one.clone()], vec![again.clone()], vec![one.clone(), again.clone()]] {
        assert!(tell(&handler, &batch).await.iter().all(|repeat| *repeat == first));
    }
    // A change since is another command's to tell.
    bench.take(&[graded(2, 1, 9, 1)]).await;
    assert_eq!(tell(&handler, &[again]).await, [first]);
    let next = |number, seconds| command(number, &Actor::system(), board.clone(), START + Duration::seconds(seconds));
    let told = tell(&handler, &[next(12, 1), next(12, 1), next(13, 2)]).await;
    assert_eq!(told.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0][0].1["entries"][1]["previous_rank"], 1);
    // Not within a second of the last, by the stamps.
    bench.take(&[graded(3, 1, 10, 2)]).await;
    assert_eq!(tell(&handler, &[next(14, 1), next(15, 2)]).await.iter().map(Vec::len).collect::<Vec<_>>(), [0, 1]);
}

/// Ninety seconds ahead or behind, at a week's end.
#[tokio::test]
async fn which_week_runs_is_the_stamps_to_say() {
    for wrong_by in [-90, 90] {
        for seconds in [-60, 60] {
            let at = MONDAY + Duration::seconds(seconds);
            let bench = Bench::start(at + Duration::seconds(wrong_by)).await;
            let after_start = |at: OffsetDateTime| (at - START).whole_seconds();
            let (last, this) = (after_start(MONDAY) - 70, after_start(MONDAY) + 30);
            bench.take(&[graded(2, 1, 5, last)]).await;
            bench.take(&[graded(1, 1, 9, last + 1)]).await;
            let mut published = Vec::new();
            if seconds > 0 {
                bench.take(&[graded(2, 2, 5, this)]).await;
                published = bench.take(&[graded(3, 2, 10, this + 1)]).await;
            }
            // Whoever is passed is passed on the board of the week that runs: on the month's the first one is as well.
            assert_eq!(overtaken(&published).len(), usize::from(seconds > 0), "{wrong_by} {seconds}");
            let handler = tell_board::Handler::new(bench.context.clone());
            let tell_at = |number, at| [command(number, &Actor::system(), TellBoard { board: weekly(None) }, at)];
            if seconds > 0 {
                let before = tell(&handler, &tell_at(10, MONDAY - Duration::seconds(30))).await;
                assert_eq!(before[0][0].1["entries"].as_array().unwrap().len(), 2);
            }
            let told = tell(&handler, &tell_at(11, at)).await;
            let updated: LeaderboardUpdated = serde_json::from_value(told[0][0].1.clone()).unwrap();
            let who: Vec<_> = updated.entries.iter().map(|one| one.user_id.0.as_u128()).collect();
            let (start, expected) =
                if seconds > 0 { (MONDAY, vec![3, 2]) } else { (MONDAY - Duration::days(7), vec![1, 2]) };
            assert_eq!((updated.period_start, who), (Some(Timestamp(start)), expected), "{wrong_by} {seconds}");
            assert_eq!(updated.timestamp, Timestamp(at));
            assert!(updated.entries.iter().all(|one| one.previous_rank.is_none()), "a new week has no ranks before it");
        }
    }
}

#[tokio::test]
async fn a_recomputation_that_comes_again_is_answered_with_what_it_found() {
    let bench = Bench::start(START).await;
    bench.take(&[graded(1, 1, 5, 0)]).await;
    sqlx::query("UPDATE leaderboard_entries SET total_hundredths = 1").execute(&bench.context.pool).await.unwrap();
    let handler = recompute::Handler(bench.context.clone());
    let one = command(11, &actor(1, Role::SuperAdmin), UpdateLeaderboard {}, START);
    let again = Received { stamped_at: START + Duration::seconds(30), ..one.clone() };
    let other = Received { id: Uuid::from_u128(12), ..one.clone() };
    // A commit that fails: nothing is answered, and it comes again.
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
                  CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON leaderboard_entries DEFERRABLE INITIALLY DEFERRED
                  FOR EACH ROW EXECUTE FUNCTION refuse()";
    sqlx::raw_sql(refuse).execute(&bench.context.pool).await.unwrap();
    let failed = handler.handle(std::slice::from_ref(&one)).await;
    assert!(failed.is_err(), "{failed:?}");
    sqlx::raw_sql("DROP TRIGGER refuse ON leaderboard_entries").execute(&bench.context.pool).await.unwrap();
    for batch in [vec![one.clone()], vec![one.clone(), again.clone()], vec![again]] {
        for outcome in handler.handle(&batch).await.unwrap() {
            assert_eq!((outcome.answer.unwrap().repaired, outcome.outbound.len()), (6, 1));
        }
    }
    assert_eq!(handler.handle(&[other]).await.unwrap()[0].answer.as_ref().unwrap().repaired, 0);
}

/// The control: with the table of results locked until everything is counted, the result waits for as long as somebody else is held, and
/// is given up after the lock's limit.
#[tokio::test]
async fn a_result_that_is_graded_during_a_recomputation_waits_for_no_more_than_its_own_part() {
    let bench = Bench::start(START).await;
    // More people than a part has; the last one is held by somebody, so that the recomputation stands before them.
    let people: Vec<_> = (1..=250).map(|user| graded(user, 1, 5, 0)).collect();
    bench.take(&people).await;
    sqlx::query("UPDATE leaderboard_entries SET total_hundredths = 1").execute(&bench.context.pool).await.unwrap();
    let mut held = bench.context.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM leaderboard_people WHERE user_id = $1 FOR NO KEY UPDATE")
        .bind(Uuid::from_u128(250))
        .execute(&mut *held)
        .await
        .unwrap();
    let handler = recompute::Handler(bench.context.clone());
    let batch = vec![command(11, &actor(1, Role::SuperAdmin), UpdateLeaderboard {}, START)];
    let recomputing = tokio::spawn(async move { handler.handle(&batch).await.unwrap()[0].answer.clone().unwrap() });
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pid IN (
                   SELECT pid FROM pg_stat_activity WHERE datname = current_database()))";
    sinaesta_testkit::until("it waits", async || {
        sqlx::query_scalar::<_, bool>(waits).fetch_one(&bench.context.pool).await.unwrap()
    })
    .await;
    // One who is counted already, one who never had a result, and then one whose part is not over.
    let others = [graded(1, 2, 7, 1), graded(300, 1, 9, 1)];
    tokio::time::timeout(std::time::Duration::from_secs(1), bench.take(&others)).await.unwrap();
    let waiting = [graded(240, 2, 7, 1)];
    let hears = bench.take(&waiting);
    let releases = async {
        sinaesta_testkit::until("both wait", async || {
            let sql = waits.replace("EXISTS (SELECT FROM", "(SELECT count(*) >= 2 FROM");
            sqlx::query_scalar::<_, bool>(AssertSqlSafe(sql)).fetch_one(&bench.context.pool).await.unwrap()
        })
        .await;
        held.rollback().await.unwrap();
    };
    tokio::join!(hears, releases);
    // Six entries of each; those of the first were right again by their new result.
    assert_eq!(recomputing.await.unwrap().repaired, 250 * 6);
    let sql =
        "SELECT sum(total_hundredths)::bigint FROM leaderboard_entries WHERE period = 'all_time' AND specialty = ''";
    let total: i64 = sqlx::query_scalar(sql).fetch_one(&bench.context.pool).await.unwrap();
    assert_eq!(total, 250 * 500 + 700 + 900 + 700);
    let after = bench.everything().await;
    let again = vec![command(12, &actor(1, Role::SuperAdmin), UpdateLeaderboard {}, START)];
    let outcomes = recompute::Handler(bench.context.clone()).handle(&again).await.unwrap();
    assert_eq!(outcomes[0].answer.as_ref().unwrap().repaired, 0);
    assert_eq!(bench.everything().await, after);
}

/// As they may be stored: by a version that checked less.
fn heavy(user: u128) -> Heard<ExamGraded> {
    let mut one = graded(user, 1, user as i64 % 20, user as i64);
    one.event.user_avatar = Some(format!("/{}", "x".repeat(if user.is_multiple_of(2) { 200_000 } else { 1_999 })));
    one.event.user_name = "\u{1}".repeat(20_000);
    one
}

#[tokio::test]
async fn nothing_that_is_published_or_answered_is_too_large_for_the_broker() {
    let bench = Bench::start(START).await;
    let batch: Vec<_> = (1..=150).map(heavy).collect();
    let mut all = bench.take(&batch).await;
    // Everybody is passed by one who comes from behind.
    let mut passing = heavy(200);
    passing.event.score = Points::from_hundredths(9_999);
    all.extend(bench.take(&[passing]).await);
    let size = |(name, event): &(String, Value)| (event.to_string().len(), name.clone());
    let largest = all.iter().map(size).max().unwrap();
    assert!(largest.0 < 512 * 1024 + 4_096, "{largest:?}");
    let handler = tell_board::Handler::new(bench.context.clone());
    for (number, board) in [(11, weekly(None)), (12, weekly(Some("Kardiologi")))] {
        let told = tell(&handler, &[command(number, &Actor::system(), TellBoard { board }, START)]).await;
        let bytes = size(&told[0][0]).0;
        assert!(bytes <= 256 * 1024, "{bytes}");
        let updated: LeaderboardUpdated = serde_json::from_value(told[0][0].1.clone()).unwrap();
        assert_eq!(updated.entries.len(), 100, "ranks are not cut");
        let avatars = updated.entries.iter().map(|one| one.user_avatar.is_some()).collect::<Vec<_>>();
        assert!(avatars.iter().any(|is_there| *is_there), "those at the top keep theirs");
    }
    let request = RequestLeaderboard {
        period: Period::Weekly,
        specialty: None,
        limit: 100.try_into().unwrap(),
        around: false,
        period_start: None,
    };
    let past = RequestLeaderboard { period_start: Some(Timestamp(START)), ..request.clone() };
    let later = Bench { context: Context { clock: Clock::manual(MONDAY), ..bench.context.clone() }, ..bench };
    // The week that runs, and the same once it is over.
    for (context, request) in
        [(Context { clock: Clock::manual(START), ..later.context.clone() }, request), (later.context.clone(), past)]
    {
        let data =
            request_leaderboard::Handler(context).handle(actor(1, Role::Student), request).await.unwrap().unwrap();
        let bytes = serde_json::to_vec(&data).unwrap().len();
        assert!(data.entries.len() == 100 && bytes <= 256 * 1024, "{} entries, {bytes}", data.entries.len());
    }
    let find = FindRanks { board: weekly(None), users: vec![UserId(Uuid::from_u128(1))] };
    let context = Context { clock: Clock::manual(START), ..later.context.clone() };
    assert_eq!(find_ranks::Handler(context).handle(Actor::system(), find).await.unwrap().unwrap().len(), 1);
}

/// Entries of a week, as many as `count`.
async fn fill(bench: &Bench, start: OffsetDateTime, count: i32) {
    sqlx::query(
        "INSERT INTO leaderboard_entries
           (period, period_start, specialty, user_id, total_hundredths, exams_completed, reached_at, version)
         SELECT 'weekly', $1, '', ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 100000 - n, 1, $1, n
         FROM generate_series(1, $2) n",
    )
    .bind(start)
    .bind(count)
    .execute(&bench.context.pool)
    .await
    .unwrap();
}

/// The control: without the cells each of these is another board.
#[tokio::test(flavor = "multi_thread")]
async fn a_board_of_a_week_that_is_over_is_ranked_once_for_all_who_ask() {
    let bench = Bench::start(MONDAY).await;
    let Context { past, queries, calendar, .. } = &bench.context;
    let start = calendar.start(Period::Weekly, START);
    fill(&bench, start, 3_000).await;
    let board = weekly(None);
    let ask = |user: u128| past.board(queries, (&board, start), UserId(Uuid::from_u128(user)));
    let all = join_all((1..=64).map(ask)).await;
    let first = all[0].as_ref().unwrap();
    assert!(all.iter().all(|one| Arc::ptr_eq(one.as_ref().unwrap(), first)));
    assert_eq!((first.participants(), first.from(1, 1)[0].0, first.from(2_999, 10).len()), (3_000, 1, 2));
    let last: UserId = "00000000-0000-0000-0000-000000003000".parse().map(UserId).unwrap();
    assert_eq!(first.rank(last).unwrap().0, 3_000);
    // What changes it is heard of, and it is ranked anew.
    let standing = Standing {
        board: board.clone(),
        period_start: Timestamp(start),
        user_id: last,
        total_score: Points::ZERO,
        exams_completed: 1,
        reached_at: Timestamp(start),
        version: 1,
    };
    past.forget(&[Standing { period_start: Timestamp(MONDAY), ..standing.clone() }]);
    assert!(Arc::ptr_eq(&ask(1).await.unwrap(), first));
    past.forget(&[standing]);
    assert!(!Arc::ptr_eq(&ask(1).await.unwrap(), first));
}

/// The control: without `make_room` all of them stay.
#[tokio::test]
async fn boards_that_are_over_are_remembered_in_so_many_bytes() {
    let bench = Bench::start(MONDAY).await;
    let Context { queries, calendar, .. } = &bench.context;
    let weeks: Vec<_> = (1..=4).map(|n| calendar.start(Period::Weekly, START - Duration::weeks(n))).collect();
    for start in &weeks {
        fill(&bench, *start, 100).await;
    }
    let board = weekly(None);
    // Two of them, as one takes some 11 kB.
    let past = Past::new(28_000, 1);
    let ask = |week: usize| past.board(queries, (&board, weeks[week]), UserId(Uuid::from_u128(1)));
    let zero = ask(0).await.unwrap();
    let one = ask(1).await.unwrap();
    assert!(Arc::ptr_eq(&ask(0).await.unwrap(), &zero));
    drop(ask(2).await.unwrap());
    // The one that was asked for longest ago has gone.
    assert!(Arc::ptr_eq(&ask(0).await.unwrap(), &zero));
    assert!(!Arc::ptr_eq(&ask(1).await.unwrap(), &one));
}

/// The control: without `Turn` all ten wait, and take the places of those who ask for the running week.
#[tokio::test(flavor = "multi_thread")]
async fn one_user_has_few_boards_ranked_at_the_same_time() {
    let bench = Bench::start(START).await;
    bench.take(&[graded(1, 1, 5, 0)]).await;
    let board = weekly(None);
    let mut lock = bench.context.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE leaderboard_entries IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for week in 1..=10 {
        let (past, queries, board) = (bench.context.past.clone(), bench.context.queries.clone(), board.clone());
        let start = bench.context.calendar.start(Period::Weekly, START - Duration::weeks(week));
        asked.spawn(async move { past.board(&queries, (&board, start), UserId(Uuid::from_u128(1))).await.is_ok() });
    }
    let refused = async {
        for _ in 0..8 {
            assert!(!asked.join_next().await.unwrap().unwrap());
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(10), refused).await;
    assert!(in_time.is_ok(), "the third and those after it are refused at once");
    // The running week's is answered meanwhile.
    let request = RequestLeaderboard {
        period: Period::Weekly,
        specialty: None,
        limit: 10.try_into().unwrap(),
        around: false,
        period_start: None,
    };
    let handler = request_leaderboard::Handler(bench.context.clone());
    assert_eq!(handler.handle(actor(1, Role::Student), request).await.unwrap().unwrap().entries.len(), 1);
    lock.rollback().await.unwrap();
    while let Some(is_ranked) = asked.join_next().await {
        assert!(is_ranked.unwrap());
    }
}
