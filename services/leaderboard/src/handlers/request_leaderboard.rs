//! `leaderboard-request`: a board as it is; one of a period that is over, as it was.

use sinaesta_bus::{Failure, QueryHandler};
use sinaesta_contracts::leaderboard::{
    BoardId, LeaderboardData, LeaderboardEntry, Period, RequestLeaderboard, UserRank,
};
use sinaesta_contracts::{Actor, ErrorBody, Timestamp, UserId, code};
use sinaesta_store::StoreError;
use sqlx::PgPool;

use crate::context::Context;
use crate::domain::board::Score;
use crate::domain::bounds;
use crate::domain::calendar::EPOCH;
use crate::handlers::unreadable;
use crate::index::{Slice, user_rank};
use crate::past::{PastError, Ranked};
use crate::store::people;

pub struct Handler(pub(crate) Context);

impl QueryHandler for Handler {
    type Query = RequestLeaderboard;

    async fn handle(
        &self,
        actor: Actor,
        query: RequestLeaderboard,
    ) -> Result<Result<LeaderboardData, ErrorBody>, Failure> {
        let Context { index, past, clock, calendar, queries, .. } = &self.0;
        let (board, limit, now) = (query.board(), u32::from(query.limit), clock.now());
        if query.period_start.is_some_and(|within| within.0 < EPOCH || within.0 > now) {
            let text = "periodStart must not be before 1970 or in the future";
            return Ok(Err(ErrorBody::new(code::INVALID_PAYLOAD, text).on_field("periodStart")));
        }
        let running = calendar.start(board.period, now);
        let start = query.period_start.map_or(running, |within| calendar.start(board.period, within.0));
        let (entries, user_rank) = if start == running {
            if index.is_unreadable(&board, now) {
                return Ok(Err(unreadable()));
            }
            let slice = if query.around { Slice::Around(actor.user_id, limit) } else { Slice::Top(limit) };
            (index.entries(&board, slice, now), index.ranks(&board, &[actor.user_id], now).pop())
        } else {
            match past.board(queries, (&board, start), actor.user_id).await {
                Ok(ranked) => closed(queries, &board, &ranked, actor.user_id, &query).await?,
                Err(PastError::Busy) => {
                    let text = "Other boards are being ranked for you; try again";
                    return Ok(Err(ErrorBody::new(code::BUSY, text)));
                }
                Err(PastError::Store(error)) => return Err(error.into()),
            }
        };
        Ok(Ok(LeaderboardData {
            period: board.period,
            period_start: (board.period != Period::AllTime).then_some(Timestamp(start)),
            specialty: board.specialty,
            entries,
            user_rank,
            timestamp: Timestamp(now),
        }))
    }
}

/// What is asked for of a board of a period that is over.
async fn closed(
    queries: &PgPool,
    board: &BoardId,
    ranked: &Ranked,
    user: UserId,
    query: &RequestLeaderboard,
) -> Result<(Vec<LeaderboardEntry>, Option<UserRank>), StoreError> {
    let limit = u32::from(query.limit);
    let (mine, participants) = (ranked.rank(user), ranked.participants());
    let first = match mine {
        Some((rank, _)) if query.around => {
            let last_start = participants.saturating_sub(limit).saturating_add(1);
            rank.saturating_sub(limit / 2).min(last_start).max(1)
        }
        _ => 1,
    };
    let is_empty = query.around && mine.is_none();
    let places = if is_empty { Vec::new() } else { ranked.from(first, limit) };
    let users: Vec<_> = places.iter().map(|(_, user, _)| user.0).collect();
    let people = people::find(&mut *queries.acquire().await?, &users).await?;
    let entry = |(rank, user_id, score): (u32, UserId, Score)| {
        let person = people.iter().find(|person| person.user_id == user_id);
        LeaderboardEntry {
            user_id,
            user_name: person.map(|person| person.name.clone()).unwrap_or_default(),
            user_avatar: person.and_then(|person| person.avatar.clone()),
            specialty: board.specialty.clone(),
            total_score: score.total,
            exams_completed: score.exams_completed,
            average_score: score.average(),
            rank,
            previous_rank: None,
            period: board.period,
        }
    };
    let entries = bounds::fitting(places.into_iter().map(entry).collect());
    Ok((entries, mine.map(|(rank, score)| user_rank(user, rank, &score, participants))))
}
