//! One database role for each service: it writes its own tables, and reads of others only what is listed.
//!
//! Applied after the migrations, so that what is granted is always what this version needs.

use secrecy::{ExposeSecret as _, SecretString};
use sinaesta_contracts::Service;
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Postgres, Transaction};

/// The name of a service's role.
pub fn role(service: Service) -> String {
    format!("sinaesta_{}", service.as_str().replace('-', "_"))
}

/// What a service may do with tables, which sequences it counts with, and what it may have done for it.
struct Grants {
    writes: &'static [&'static str],
    reads: &'static [&'static str],
    sequences: &'static [&'static str],
    functions: &'static [&'static str],
}

const fn grants(service: Service) -> Grants {
    match service {
        Service::Gateway => {
            Grants { writes: &["users", "account_actions"], reads: &[], sequences: &[], functions: &[] }
        }
        Service::Chat => Grants {
            writes: &[
                "chat_client_messages",
                "chat_message_edits",
                "chat_messages",
                "chat_mutes",
                "chat_newest_commands",
                "chat_participants",
                "chat_reactions",
                "chat_room_sockets",
                "chat_rooms",
                "chat_search",
                "chat_search_rooms",
                "files",
                "online_users",
                "study_group_invitations",
                "study_group_members",
                "study_groups",
                "typing_indicators",
                "user_presence",
            ],
            reads: &["users"],
            sequences: &[],
            functions: &["chat_messages_make_month"],
        },
        Service::ExamGrading => Grants {
            writes: &[
                "exam_answers",
                "exam_autosaves",
                "exam_departures",
                "exam_interventions",
                "exam_participants",
                "exam_results",
                "exam_sessions",
                "exams",
                "questions",
            ],
            reads: &[],
            sequences: &[],
            functions: &[],
        },
        Service::Leaderboard => Grants {
            writes: &["leaderboard_entries", "leaderboard_people", "leaderboard_recomputations", "leaderboard_results"],
            reads: &[],
            sequences: &["leaderboard_version"],
            functions: &[],
        },
        Service::Notification => Grants {
            writes: &[
                "notification_announcements",
                "notification_commands",
                "notification_exams",
                "notification_inboxes",
                "notification_posted",
                "notification_reads",
                "notification_reminders",
                "notification_rooms",
                "notification_sittings",
                "notifications",
                "push_keys",
                "push_queue",
                "push_subscriptions",
            ],
            reads: &["notification_seen", "users"],
            sequences: &[],
            functions: &[],
        },
    }
}

/// What every service that handles commands writes: rows of its own, which the tables' policies hold it to.
const SHARED: &[&str] = &["message_attempts", "partition_owners"];

/// Makes the roles that do not exist, and grants each what is its own and nothing else. A migrating user that may make no
/// roles leaves them to whoever may: then only what exists is granted.
pub(crate) async fn grant(pool: &PgPool, password: &SecretString) -> Result<(), sqlx::Error> {
    let mut db = pool.begin().await?;
    // Replicas of a deployment may migrate at the same time.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('sinaesta roles'))").execute(&mut *db).await?;
    let may_make: bool =
        sqlx::query_scalar("SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&mut *db)
            .await?;
    for service in Service::ALL {
        grant_to(&mut db, service, may_make.then_some(password)).await?;
    }
    db.commit().await
}

async fn grant_to(
    db: &mut Transaction<'_, Postgres>,
    service: Service,
    password: Option<&SecretString>,
) -> Result<(), sqlx::Error> {
    let role = role(service);
    let known = sqlx::query("SELECT FROM pg_roles WHERE rolname = $1").bind(&role).fetch_optional(&mut **db).await?;
    match (known, password) {
        (None, None) => {
            tracing::warn!(role, "does not exist, and the migrating user may not make it");
            return Ok(());
        }
        // Another database of the same server may be migrated at this moment.
        (None, Some(_)) => {
            let make = format!(
                "BEGIN CREATE ROLE {role} NOINHERIT; EXCEPTION WHEN duplicate_object OR unique_violation THEN END"
            );
            run(db, format!("DO $$ {make} $$")).await?;
        }
        _ => {}
    }
    if let Some(password) = password.map(SecretString::expose_secret).filter(|password| !password.is_empty()) {
        let password = password.replace('\'', "''");
        run(db, format!("ALTER ROLE {role} LOGIN PASSWORD '{password}'")).await?;
    }
    let Grants { writes, reads, sequences, functions } = grants(service);
    run(db, format!("GRANT USAGE ON SCHEMA public TO {role}")).await?;
    run(db, format!("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")).await?;
    run(db, format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {role}", writes.join(", "))).await?;
    if Service::HANDLERS.contains(&service) {
        run(db, format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {role}", SHARED.join(", "))).await?;
    }
    if !reads.is_empty() {
        run(db, format!("GRANT SELECT ON {} TO {role}", reads.join(", "))).await?;
    }
    if !sequences.is_empty() {
        run(db, format!("GRANT USAGE ON SEQUENCE {} TO {role}", sequences.join(", "))).await?;
    }
    if !functions.is_empty() {
        run(db, format!("GRANT EXECUTE ON FUNCTION {} TO {role}", functions.join(", "))).await?;
    }
    Ok(())
}

async fn run(db: &mut Transaction<'_, Postgres>, sql: String) -> Result<(), sqlx::Error> {
    // Names of ours, and one quoted secret.
    db.execute(AssertSqlSafe(sql)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_table_is_written_by_one_service() {
        let mut seen = HashSet::new();
        for table in Service::ALL.into_iter().flat_map(|service| grants(service).writes) {
            assert!(seen.insert(table), "{table} has two owners");
        }
    }
}
