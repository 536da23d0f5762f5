/**
 * Commits that a test holds up or lets fail, by a constraint that is checked when a transaction commits: whatever is
 * answered or published before, is so too early.
 */
import pg from 'pg';

import { until } from './harness.mjs';

/** Names the advisory lock for which commits wait. */
const LOCK = 7_201;

/**
 * Plants a constraint in a table: transactions that insert or update a row which contains `marker` meet it at their commit.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {string} table
 * @param {string} marker part of the row, written as JSON
 * @param {string} body what happens then, in PL/pgSQL
 */
async function plant(stack, table, marker, body) {
  await stack.sql(`create or replace function at_commit() returns trigger language plpgsql security definer as $$
    begin
      if position(tg_argv[0] in to_jsonb(new)::text) > 0 then ${body} end if;
      return null;
    end $$`);
  await stack.sql(`drop trigger if exists at_commit on ${table}`);
  await stack.sql(`create constraint trigger at_commit after insert or update on ${table} deferrable initially deferred
    for each row execute function at_commit('${marker.replaceAll("'", "''")}')`);
  return () => stack.sql(`drop trigger at_commit on ${table}`);
}

/**
 * Holds up commits until they are released. Not for longer than a few seconds: services wait no longer for a lock.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {string} table
 * @param {string} marker
 */
export async function holdCommits(stack, table, marker) {
  const holder = new pg.Client({ connectionString: stack.infra().postgres.url });
  holder.on('error', () => {});
  await holder.connect();
  await holder.query('select pg_advisory_lock($1)', [LOCK]);
  const remove = await plant(stack, table, marker, `perform pg_advisory_xact_lock_shared(${LOCK});`);
  const waiting = async () => (await stack.sql(
    "select pid from pg_locks where locktype = 'advisory' and objid = $1 and not granted", [LOCK])).length;
  return {
    /** Until a transaction has come to its commit. */
    reached: () => until(waiting, { what: `a commit to ${table}` }),
    /** Lets them commit, and holds up no more. */
    async release() {
      await holder.end();
      await until(async () => (await waiting()) === 0, { what: 'commits to go on' });
      await remove();
    },
  };
}

/**
 * Lets commits fail until that is mended.
 *
 * @param {import('./harness.mjs').Stack} stack
 * @param {string} table
 * @param {string} marker
 */
export async function failCommits(stack, table, marker) {
  // A sequence is not taken back with what fails.
  await stack.sql('drop sequence if exists failed_commits; create sequence failed_commits');
  const mend = await plant(stack, table, marker, "perform nextval('failed_commits'); raise serialization_failure using message = 'planted at the commit';");
  return {
    /** Until a commit has failed. */
    reached: () => until(async () => (await stack.sql('select is_called from failed_commits'))[0].is_called, { what: `a failed commit to ${table}` }),
    mend,
  };
}
