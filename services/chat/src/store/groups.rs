//! Study groups and who is in them.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;

use sinaesta_contracts::study_group::StudyGroup;
use sinaesta_contracts::{GroupId, Role, RoomId, Timestamp, UserId};
use sinaesta_store::StoreError;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::domain::group::{Group, Member};

/// A group that is to be made.
#[derive(Debug, Clone)]
pub struct NewGroup<'a> {
    pub id: GroupId,
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub specialty: Option<&'a str>,
    pub is_public: bool,
    pub max_members: u32,
    pub creator_id: UserId,
    pub at: OffsetDateTime,
}

/// Makes a group, unless it is made already.
pub async fn insert(db: &mut PgConnection, new: &NewGroup<'_>) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO study_groups (id, name, description, specialty, is_public, max_members, creator_id, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) ON CONFLICT (id) DO NOTHING",
        new.id.0,
        new.name,
        new.description,
        new.specialty,
        new.is_public,
        i32::try_from(new.max_members).unwrap_or(i32::MAX),
        new.creator_id.0,
        new.at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A group that was not deleted, held until the transaction ends.
pub async fn hold(db: &mut PgConnection, id: GroupId) -> Result<Option<Group>, StoreError> {
    let row = sqlx::query!(
        "SELECT name, is_public, max_members, creator_id FROM study_groups
         WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE",
        id.0,
    )
    .fetch_optional(&mut *db)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let members = sqlx::query!(
        "SELECT user_id, user_name, joined_at FROM study_group_members
         WHERE group_id = $1 AND left_at IS NULL ORDER BY joined_at, user_id",
        id.0,
    )
    .fetch_all(db)
    .await?;
    let member = |user_id, user_name, joined_at| Member { user_id: UserId(user_id), user_name, joined_at };
    Ok(Some(Group {
        name: row.name,
        is_public: row.is_public,
        max_members: u32::try_from(row.max_members).unwrap_or_default(),
        creator_id: UserId(row.creator_id),
        members: members.into_iter().map(|one| member(one.user_id, one.user_name, one.joined_at)).collect(),
    }))
}

/// What brought somebody into a group or out of it last, if they ever were in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub joined_by: Uuid,
    pub left_by: Option<Uuid>,
}

/// What moved somebody last.
pub async fn moved(db: &mut PgConnection, id: GroupId, user: UserId) -> Result<Option<Moved>, StoreError> {
    let moved = sqlx::query_as!(
        Moved,
        "SELECT joined_by, left_by FROM study_group_members WHERE group_id = $1 AND user_id = $2",
        id.0,
        user.0,
    )
    .fetch_optional(db)
    .await?;
    Ok(moved)
}

/// Brings somebody into a group that is held; one who was in it before is its newest member again.
pub async fn join(
    db: &mut PgConnection,
    id: GroupId,
    (user, name): (UserId, &str),
    by: Uuid,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO study_group_members (group_id, user_id, user_name, joined_at, joined_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (group_id, user_id) DO UPDATE SET user_name = EXCLUDED.user_name, joined_at = EXCLUDED.joined_at,
           joined_by = EXCLUDED.joined_by, left_at = NULL, left_by = NULL",
        id.0,
        user.0,
        name,
        at,
        by,
    )
    .execute(&mut *db)
    .await?;
    touch(db, id, at).await
}

/// Takes somebody out of a group that is held; `owner` is whose it is then, `None` if nobody is left.
pub async fn leave(
    db: &mut PgConnection,
    id: GroupId,
    user: UserId,
    owner: Option<UserId>,
    by: Uuid,
    at: OffsetDateTime,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE study_group_members SET left_at = $3, left_by = $4 WHERE group_id = $1 AND user_id = $2",
        id.0,
        user.0,
        at,
        by,
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE study_group_invitations SET withdrawn_at = $3
         WHERE group_id = $1 AND user_id = $2 AND withdrawn_at IS NULL",
        id.0,
        user.0,
        at
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE study_groups SET creator_id = COALESCE($2, creator_id), updated_at = GREATEST(updated_at, $3),
                                 deleted_at = CASE WHEN $2::uuid IS NULL THEN $3 END
         WHERE id = $1",
        id.0,
        owner.map(|user| user.0),
        at,
    )
    .execute(db)
    .await?;
    Ok(())
}

async fn touch(db: &mut PgConnection, id: GroupId, at: OffsetDateTime) -> Result<(), StoreError> {
    sqlx::query!("UPDATE study_groups SET updated_at = GREATEST(updated_at, $2) WHERE id = $1", id.0, at)
        .execute(db)
        .await?;
    Ok(())
}

/// Who invites whom, by which command and when.
#[derive(Debug, Clone, Copy)]
pub struct Invitation {
    pub group: GroupId,
    pub user: UserId,
    pub by: UserId,
    pub command: Uuid,
    /// The command's stamp.
    pub at: OffsetDateTime,
}

/// Lets somebody join a group that is locked and not public, unless they are invited already.
pub async fn invite(db: &mut PgConnection, invitation: &Invitation) -> Result<(), StoreError> {
    let Invitation { group, user, by, command, at } = *invitation;
    sqlx::query!(
        "INSERT INTO study_group_invitations AS i (group_id, user_id, invited_by, at, command_id)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (group_id, user_id) DO UPDATE SET invited_by = EXCLUDED.invited_by, at = EXCLUDED.at,
           command_id = EXCLUDED.command_id, withdrawn_at = NULL
         WHERE i.withdrawn_at < EXCLUDED.at AND i.command_id IS DISTINCT FROM EXCLUDED.command_id",
        group.0,
        user.0,
        by.0,
        at,
        command,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The command that invited somebody last.
pub async fn invited_by(db: &mut PgConnection, group: GroupId, user: UserId) -> Result<Option<Uuid>, StoreError> {
    let by = sqlx::query_scalar!(
        "SELECT command_id FROM study_group_invitations WHERE group_id = $1 AND user_id = $2",
        group.0,
        user.0
    )
    .fetch_optional(db)
    .await?;
    Ok(by.flatten())
}

/// Whether somebody was invited.
pub async fn is_invited(db: &mut PgConnection, id: GroupId, user: UserId) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM study_group_invitations
                          WHERE group_id = $1 AND user_id = $2 AND withdrawn_at IS NULL) AS "found!""#,
        id.0,
        user.0,
    )
    .fetch_one(db)
    .await?;
    Ok(found)
}

/// In how many groups somebody is.
pub async fn count_of(db: &mut PgConnection, user: UserId) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM study_group_members WHERE user_id = $1 AND left_at IS NULL"#,
        user.0
    )
    .fetch_one(db)
    .await?;
    Ok(count)
}

/// What a user is; `None` if there is no such user.
pub async fn role_of(db: &mut PgConnection, user: UserId) -> Result<Option<Role>, StoreError> {
    let role = sqlx::query_scalar!("SELECT role FROM users WHERE id = $1", user.0).fetch_optional(db).await?;
    // A role that we don't know gives no rights.
    Ok(role.map(|role| Role::from_str(&role).unwrap_or(Role::Student)))
}

/// Which of these people are members of which of these groups.
pub async fn members_among(
    db: &mut PgConnection,
    of: &[(GroupId, UserId)],
) -> Result<HashSet<(GroupId, UserId)>, StoreError> {
    let rows = sqlx::query!(
        "SELECT m.group_id, m.user_id FROM UNNEST($1::uuid[], $2::uuid[]) AS asked (g, u)
         JOIN study_group_members m ON m.group_id = asked.g AND m.user_id = asked.u AND m.left_at IS NULL",
        &of.iter().map(|(group, _)| group.0).collect::<Vec<_>>() as &[Uuid],
        &of.iter().map(|(_, user)| user.0).collect::<Vec<_>>() as &[Uuid],
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (GroupId(row.group_id), UserId(row.user_id))).collect())
}

/// Groups as clients see them; those that were deleted are left out.
pub async fn find(db: &mut PgConnection, ids: &[Uuid]) -> Result<HashMap<GroupId, StudyGroup>, StoreError> {
    read(db, ids, false).await
}

/// A group as clients see it, or as it was when it was deleted.
pub async fn find_any(db: &mut PgConnection, id: GroupId) -> Result<Option<StudyGroup>, StoreError> {
    Ok(read(db, &[id.0], true).await?.remove(&id))
}

async fn read(
    db: &mut PgConnection,
    ids: &[Uuid],
    with_deleted: bool,
) -> Result<HashMap<GroupId, StudyGroup>, StoreError> {
    let rows = sqlx::query!(
        r#"SELECT g.id, g.name, g.description, g.specialty, g.is_public, g.max_members, g.creator_id, g.created_at,
                  g.updated_at,
                  ARRAY(SELECT m.user_id FROM study_group_members m WHERE m.group_id = g.id AND m.left_at IS NULL
                        ORDER BY m.joined_at, m.user_id) AS "members!"
           FROM study_groups g WHERE g.id = ANY($1) AND ($2 OR g.deleted_at IS NULL)"#,
        ids,
        with_deleted,
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let group = StudyGroup {
                id: GroupId(row.id),
                name: row.name,
                description: row.description,
                room_id: RoomId::from(GroupId(row.id)),
                creator_id: UserId(row.creator_id),
                member_count: u32::try_from(row.members.len()).unwrap_or(u32::MAX),
                members: row.members.into_iter().map(UserId).collect(),
                max_members: u32::try_from(row.max_members).unwrap_or_default(),
                specialty: row.specialty,
                is_public: row.is_public,
                created_at: Timestamp(row.created_at),
                updated_at: Timestamp(row.updated_at),
            };
            (group.id, group)
        })
        .collect())
}

/// Which groups are wanted.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    pub user: UserId,
    pub specialty: Option<&'a str>,
    pub query: Option<&'a str>,
    pub mine: bool,
    pub before: Option<GroupId>,
}

/// The ids of a page of groups, newest first: those that are public, and those that `user` is in. A page has 51 at the most,
/// one more than clients get: how many there are to be is part of the statements, since of a number that is a parameter
/// plans take it that it is a tenth of all there are, and read all.
pub async fn list(db: &mut PgConnection, wanted: &Wanted<'_>, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    let sought = wanted.query.map(sought);
    let mut ids = mine(db, wanted, sought.as_ref().map(Sought::pattern), limit).await?;
    if !wanted.mine {
        // A statement for each way to find them: plans are made without knowing which conditions are there.
        ids.extend(match (&sought, wanted.specialty) {
            (Some(Sought::Words(pattern)), specialty) => {
                public_by_text(db, pattern, specialty, wanted.before, limit).await?
            }
            (Some(Sought::Signs(pattern)), specialty) => {
                public_by_signs(db, pattern, specialty, wanted.before, limit).await?
            }
            (None, Some(specialty)) => public_by_specialty(db, specialty, wanted.before).await?,
            (None, None) => public(db, wanted.before).await?,
        });
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        ids.truncate(usize::try_from(limit).unwrap_or_default());
    }
    Ok(ids)
}

/// What is looked for, as a pattern.
#[derive(Debug, PartialEq, Eq)]
enum Sought {
    /// With something in it that the index knows.
    Words(String),
    /// Without a letter or a digit: the index knows nothing of it.
    Signs(String),
}

impl Sought {
    fn pattern(&self) -> &str {
        let (Self::Words(pattern) | Self::Signs(pattern)) = self;
        pattern
    }
}

/// What a query is looked for by: as a part of the text if it has three letters or digits in a row, which the index knows,
/// or none at all, and otherwise as what a word begins with.
fn sought(query: &str) -> Sought {
    let run = query.split(|letter: char| !letter.is_ascii_alphanumeric()).map(str::len).max().unwrap_or_default();
    let mut pattern = String::from(if matches!(run, 1 | 2) { "% " } else { "%" });
    for letter in query.trim().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    if run > 0 { Sought::Words(pattern) } else { Sought::Signs(pattern) }
}

/// Those that `user` is in, which are few.
async fn mine(
    db: &mut PgConnection,
    wanted: &Wanted<'_>,
    pattern: Option<&str>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT g.id FROM (SELECT group_id FROM study_group_members WHERE user_id = $1 AND left_at IS NULL OFFSET 0) m
         CROSS JOIN LATERAL (SELECT * FROM study_groups s WHERE s.id = m.group_id OFFSET 0) g
         WHERE g.deleted_at IS NULL AND ($2::uuid IS NULL OR g.id < $2) AND ($3::text IS NULL OR g.specialty = $3)
           AND ($4::text IS NULL OR g.searched LIKE lower($4))
         ORDER BY g.id DESC LIMIT $5",
        wanted.user.0,
        wanted.before.map(|id| id.0),
        wanted.specialty,
        pattern,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

async fn public_by_text(
    db: &mut PgConnection,
    pattern: &str,
    specialty: Option<&str>,
    before: Option<GroupId>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    // Found by the index and then sorted: in the order of ids, what is nowhere would be looked for everywhere.
    let ids = sqlx::query_scalar!(
        "SELECT f.id FROM (
           SELECT g.id FROM study_groups g
           WHERE g.is_public AND g.deleted_at IS NULL AND g.searched LIKE lower($1)
             AND ($2::text IS NULL OR g.specialty = $2) AND ($3::uuid IS NULL OR g.id < $3) OFFSET 0) f
         ORDER BY f.id DESC LIMIT $4",
        pattern,
        specialty,
        before.map(|id| id.0),
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

/// Signs are looked for among the latest thousand: no index knows them, and all groups would be read.
async fn public_by_signs(
    db: &mut PgConnection,
    pattern: &str,
    specialty: Option<&str>,
    before: Option<GroupId>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT g.id FROM (
           SELECT id, searched, specialty FROM study_groups WHERE is_public AND deleted_at IS NULL AND id < $1
           ORDER BY id DESC LIMIT 1000) g
         WHERE g.searched LIKE lower($2) AND ($3::text IS NULL OR g.specialty = $3) ORDER BY g.id DESC LIMIT $4",
        before.map_or(Uuid::max(), |id| id.0),
        pattern,
        specialty,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

async fn public_by_specialty(
    db: &mut PgConnection,
    specialty: &str,
    before: Option<GroupId>,
) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM study_groups WHERE is_public AND deleted_at IS NULL AND specialty = $1 AND id < $2
         ORDER BY id DESC LIMIT 51",
        specialty,
        before.map_or(Uuid::max(), |id| id.0),
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

async fn public(db: &mut PgConnection, before: Option<GroupId>) -> Result<Vec<Uuid>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM study_groups WHERE is_public AND deleted_at IS NULL AND id < $1 ORDER BY id DESC LIMIT 51",
        before.map_or(Uuid::max(), |id| id.0),
    )
    .fetch_all(db)
    .await?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::Sought::{Signs, Words};
    use super::sought;

    #[test]
    fn a_query_is_a_part_of_the_text_or_begins_a_word() {
        for (query, words) in [("kardio", "%kardio%"), ("ab", "% ab%"), ("a-b-c", "% a-b-c%"), ("100%_", "%100\\%\\_%")]
        {
            assert_eq!(sought(query), Words(words.to_owned()));
        }
        assert_eq!(sought("%"), Signs("%\\%%".to_owned()));
    }
}
