//! What the sources of a service must not say, so that kinds of fault that were mended can't be written again.
//!
//! A test of each service calls [`check_service`] and expects nothing:
//!
//! ```no_run
//! # use sinaesta_testkit::guards;
//! assert_eq!(guards::check_service(env!("CARGO_MANIFEST_DIR")), Vec::<String>::new());
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Words that ask for the time of day.
const CLOCKS: [&str; 5] = ["clock", "Clock", "SystemTime", "now_utc", "now_local"];
/// What asks a database for it.
const SQL_CLOCKS: [&str; 8] = [
    "now()",
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "localtimestamp",
    "statement_timestamp",
    "transaction_timestamp",
];
/// What takes a lock that others wait for, as a query must not.
const LOCKS: [&str; 6] = ["for update", "for no key update", "for share", "for key share", "lock table", "pg_advisory"];
/// What waits for another service, or for a connection.
const WAITS: [&str; 6] = ["Doors::load(", ".ask(", ".acquire()", "pool.begin", "queries.begin", "snapshot("];
/// What gives back the connection `db`.
const RELEASES: [&str; 3] = ["drop(db)", "db.commit()", "db.rollback()"];
/// Files in which a service is put together; they hand the clock to whoever may read it.
const WIRING: [&str; 3] = ["lib.rs", "main.rs", "context.rs"];

/// The offences of a service's sources, its tests excepted, each with its place:
///
/// - whatever decides a command or takes an event, and whatever that uses, `domain/` and `store/` included, reads no clock,
///   nor has the database read one: the stamp decides;
/// - every `INSERT INTO` says what happens `ON CONFLICT`: a row that is there already is an outcome and not an error;
/// - nobody makes a `Failure::Retry`: a handler's own fault is not mended by trying again;
/// - nobody asks another service, or takes a second connection, while holding one (`db`): the pool would be empty for as long
///   as the answer takes;
/// - whatever answers a query takes none of the connections of commands (`pool`), and no locks. The store that it reads by
///   may have some for commands: the connections of queries are read-only, so that the database refuses them.
pub fn check_service(manifest_dir: &str) -> Vec<String> {
    let mut sources = BTreeMap::new();
    let mut offences = Vec::new();
    let folder = Path::new(manifest_dir).join("src");
    read(&folder, "", &mut sources, &mut offences);
    let deciding = deciding(&sources);
    if deciding.is_empty() {
        offences.push(format!("{}: nothing is decided here, or it is not found", folder.display()));
    }
    for (name, source) in &sources {
        let mut offend = |line: usize, what: &str| offences.push(format!("src/{name}:{line}: {what}"));
        source.asked_while_connected().for_each(|line| {
            offend(line, "something is waited for while a connection is held");
        });
        let answers = source.answers();
        if answers {
            source.words().filter(|(_, word)| *word == "pool").for_each(|(line, _)| {
                offend(line, "a query with a connection of the commands' `pool`");
            });
        }
        let reads_no_clock =
            deciding.contains(name.as_str()) || ["domain/", "store/"].iter().any(|part| name.starts_with(part));
        if reads_no_clock {
            source.words().filter(|(_, word)| CLOCKS.contains(word)).for_each(|(line, word)| {
                offend(line, &format!("`{word}` in what the stamp decides"));
            });
        }
        for (line, text) in &source.texts {
            let sql = text.to_lowercase();
            if let Some(clock) = SQL_CLOCKS.iter().find(|clock| reads_no_clock && has_word(&sql, clock)) {
                offend(*line, &format!("`{clock}` in what the stamp decides"));
            }
            if let Some(lock) = LOCKS.iter().find(|lock| answers && sql.contains(**lock)) {
                offend(*line, &format!("`{lock}` in a query"));
            }
            if sql.matches("insert into").count() > sql.matches("on conflict").count() {
                offend(*line, "`INSERT INTO` without `ON CONFLICT`");
            }
        }
        source.words().filter(|(_, word)| *word == "Retry").for_each(|(line, _)| {
            offend(line, "a `Failure::Retry` made by hand");
        });
    }
    offences
}

/// A source without its comments and its tests.
#[derive(Debug, Default)]
struct Source {
    /// With nothing between the quotes of string literals.
    code: String,
    /// String literals, with the lines they begin on.
    texts: Vec<(usize, String)>,
}

impl Source {
    fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.code.lines()).flat_map(|(line, text)| words(text).map(move |word| (line, word)))
    }

    /// Whether it has the handler of a command or an event.
    fn decides(&self) -> bool {
        self.implements("CommandHandler") || self.implements("EventHandler")
    }

    /// Whether it has the handler of a query.
    fn answers(&self) -> bool {
        self.implements("QueryHandler")
    }

    fn implements(&self, trait_name: &str) -> bool {
        self.code.contains(&format!("impl {trait_name} for "))
    }

    /// The lines on which another service is asked, or a connection taken, while `db` is one.
    fn asked_while_connected(&self) -> impl Iterator<Item = usize> {
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut held_at = None;
        (1..).zip(self.code.lines()).filter_map(move |(number, line)| {
            let is_end = |depth| line.trim_start().starts_with('}') && indent(line) < depth;
            if held_at.is_some_and(is_end) || RELEASES.iter().any(|release| line.contains(release)) {
                held_at = None;
            }
            let is_offence = held_at.is_some() && WAITS.iter().any(|wait| line.contains(wait));
            if line.contains("mut db = ") || line.contains("mut db) = ") {
                held_at = Some(indent(line));
            }
            is_offence.then_some(number)
        })
    }

    /// The modules it names by `crate::` and `super::`, as paths from the crate's root; `of` is its own.
    fn uses(&self, of: &[&str]) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        for (root, mut base) in [("crate::", Vec::new()), ("super::", parent(of))] {
            for (at, _) in self.code.match_indices(root) {
                let before = self.code.get(..at).unwrap_or_default();
                if before.ends_with("super::") || before.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
                    continue;
                }
                let mut rest = self.code.get(at + root.len()..).unwrap_or_default();
                let depth = base.len();
                while let Some(further) = rest.strip_prefix("super::") {
                    base.pop();
                    rest = further;
                }
                paths(rest, &base, &mut found);
                base = if root == "super::" { parent(of) } else { base };
                base.truncate(depth);
            }
        }
        found
    }
}

fn parent(of: &[&str]) -> Vec<String> {
    of.iter().take(of.len().saturating_sub(1)).map(|part| (*part).to_owned()).collect()
}

/// The paths that a `use`, or an expression, goes on with: `a::b`, `a::{b, c::d}`.
fn paths(text: &str, base: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = base.to_vec();
    let mut rest = text;
    loop {
        if let Some(group) = rest.strip_prefix('{') {
            let (mut depth, mut begin) = (0, 0);
            for (at, letter) in group.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth > 0 => depth -= 1,
                    ',' | '}' if depth == 0 => {
                        paths(group.get(begin..at).unwrap_or_default().trim_start(), &path, found);
                        begin = at + 1;
                    }
                    _ => {}
                }
                if letter == '}' && begin == at + 1 {
                    return;
                }
            }
            return;
        }
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let (name, further) = rest.split_at(end);
        if name.is_empty() {
            return;
        }
        if name != "self" {
            path.push(name.to_owned());
        }
        found.push(path.clone());
        match further.strip_prefix("::") {
            Some(further) => rest = further,
            None => return,
        }
    }
}

/// The files that decide commands or take events, and those that they use.
fn deciding(sources: &BTreeMap<String, Source>) -> BTreeSet<&str> {
    let mut open: Vec<&str> =
        sources.iter().filter(|(_, source)| source.decides()).map(|(name, _)| name.as_str()).collect();
    let mut found = BTreeSet::new();
    while let Some(name) = open.pop() {
        if !found.insert(name) {
            continue;
        }
        let Some(source) = sources.get(name) else { continue };
        for path in source.uses(&module(name)) {
            let file = [format!("{}.rs", path.join("/")), format!("{}/mod.rs", path.join("/"))];
            let used = file.iter().find_map(|file| sources.get_key_value(file));
            open.extend(used.map(|(name, _)| name.as_str()).filter(|name| !WIRING.contains(name)));
        }
    }
    found
}

/// A file's module: `handlers/mod.rs` is `handlers`.
fn module(name: &str) -> Vec<&str> {
    let name = name.strip_suffix(".rs").unwrap_or(name);
    name.strip_suffix("/mod").unwrap_or(name).split('/').collect()
}

fn read(folder: &Path, within: &str, sources: &mut BTreeMap<String, Source>, offences: &mut Vec<String>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return offences.push(format!("{}: {error}", folder.display())),
    };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), format!("{within}{}", entry.file_name().to_string_lossy()));
        if name.split('/').any(|part| part == "tests" || part == "tests.rs") {
            continue;
        }
        if path.is_dir() {
            read(&path, &format!("{name}/"), sources, offences);
        } else if name.ends_with(".rs") {
            match fs::read_to_string(&path) {
                Ok(text) => drop(sources.insert(name, parse(&text))),
                Err(error) => offences.push(format!("{}: {error}", path.display())),
            }
        }
    }
}

/// Takes a source apart, leaving out comments and modules for tests.
fn parse(text: &str) -> Source {
    let mut source = Source::default();
    let mut letters = text.char_indices().peekable();
    let mut line = 1;
    while let Some((at, letter)) = letters.next() {
        let rest = text.get(at..).unwrap_or_default();
        // How long what begins here is, if it is more than a letter; and its text, if it has one.
        let (length, literal) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), None)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), None)
        } else if rest.starts_with("#[cfg(test)]\nmod ") {
            // Formatted sources end a module at the beginning of a line.
            (rest.find("\n}").map_or(rest.len(), |end| end + 2), None)
        } else if let Some((length, literal)) = string(rest, source.code.chars().next_back()) {
            source.code.push_str("\"\"");
            (length, Some(literal))
        } else if let Some(length) = character(rest) {
            source.code.push_str("' '");
            (length, None)
        } else {
            source.code.push(letter);
            line += usize::from(letter == '\n');
            continue;
        };
        if let Some(literal) = literal {
            source.texts.push((line, literal.to_owned()));
        }
        let lines = rest.get(..length).unwrap_or_default().matches('\n').count();
        source.code.extend(std::iter::repeat_n('\n', lines));
        line += lines;
        while letters.next_if(|(next, _)| *next < at + length).is_some() {}
    }
    source
}

/// The length of a string literal that begins here, and what is in it.
fn string(rest: &str, before: Option<char>) -> Option<(usize, &str)> {
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !before.is_some_and(|b| b.is_alphanumeric() || b == '_')) {
        let hashes = raw.find(|letter| letter != '#')?;
        let body = raw.get(hashes..)?.strip_prefix('"')?;
        let end = body.find(&format!("\"{}", "#".repeat(hashes)))?;
        return Some((1 + hashes + 1 + end + 1 + hashes, body.get(..end)?));
    }
    let body = rest.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = body.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    Some((end + 2, body.get(..end)?))
}

/// The length of a character literal that begins here; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix('\'')?;
    if let Some(escaped) = body.strip_prefix('\\') {
        let after = escaped.chars().next()?.len_utf8();
        return Some(2 + after + escaped.get(after..)?.find('\'')? + 1);
    }
    let letter = body.chars().next()?.len_utf8();
    body.get(letter..)?.starts_with('\'').then_some(letter + 2)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty())
}

/// Whether `text` has `word` and not merely a longer one that it is a part of.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
        !is_part(before.chars().next_back()) && !is_part(after.chars().next())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HANDLER: &str =
        "use crate::Context;\nuse crate::helping::{tell, deep::{self, Deep}};\nimpl CommandHandler for Handler {}\n";

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join("src").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        check_service(folder.path().to_str().unwrap())
    }

    #[test]
    fn a_clean_service_has_no_offences() {
        let query = "impl QueryHandler for Handler { fn f() { self.0.clock.now(); } }";
        let store = "fn f() { query!(\"INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING\"); }";
        let lib = "pub struct Context { clock: Clock }";
        let timers = "fn look() { context.clock.now(); query!(r#\"SELECT now() AS \"at!\"\"#); }";
        let files = [
            ("handlers/change.rs", HANDLER),
            ("handlers/ask.rs", query),
            ("store/rows.rs", store),
            ("lib.rs", lib),
            ("timers.rs", timers),
        ];
        assert_eq!(check(&files), Vec::<String>::new());
    }

    #[test]
    fn a_command_reads_no_clock() {
        let reads = format!("{HANDLER}fn f(context: &Context) {{\n    context.clock.now();\n}}\n");
        assert_eq!(
            check(&[("handlers/change.rs", &reads)]),
            ["src/handlers/change.rs:5: `clock` in what the stamp decides"]
        );
        let takes = "impl EventHandler for Handler { fn f() { let at = OffsetDateTime::now_utc(); } }";
        assert_eq!(check(&[("handlers/heard.rs", takes)]).len(), 1);
    }

    #[test]
    fn nor_does_what_it_uses() {
        let reads = "fn tell() { Clock::system(); }";
        for helper in ["helping.rs", "helping/mod.rs", "helping/deep.rs", "domain/rules.rs", "store/rows.rs"] {
            let found = check(&[("handlers/change.rs", HANDLER), (helper, reads)]);
            assert_eq!(found, [format!("src/{helper}:1: `Clock` in what the stamp decides")]);
        }
        let beside = "use super::beside::f;\nimpl CommandHandler for Handler {}";
        assert_eq!(check(&[("handlers/change.rs", beside), ("handlers/beside.rs", reads)]).len(), 1);
        let further = "fn tell() { super::super::far::f() }";
        let far = [("handlers/change.rs", HANDLER), ("helping/deep.rs", further), ("far.rs", reads)];
        assert_eq!(check(&far).len(), 1);
        assert_eq!(check(&[("handlers/change.rs", HANDLER), ("elsewhere.rs", reads)]).len(), 0);
    }

    #[test]
    fn nor_does_its_sql() {
        let sql = |text: &str| {
            let store = format!("fn f() {{\n    query!(\n        \"{text}\");\n}}");
            check(&[("handlers/change.rs", HANDLER), ("store/rows.rs", &store)])
        };
        assert_eq!(sql("UPDATE t SET at = now()"), ["src/store/rows.rs:3: `now()` in what the stamp decides"]);
        assert_eq!(sql("SELECT CURRENT_TIMESTAMP").len(), 1);
        assert_eq!(sql("SELECT known() FROM current_dates"), Vec::<String>::new());
    }

    #[test]
    fn every_insert_says_what_a_conflict_is() {
        let insert = "fn f() { query!(r#\"INSERT INTO t (a) SELECT 1 AS \"a!\"\"#); }";
        let found = check(&[("handlers/change.rs", HANDLER), ("store/rows.rs", insert)]);
        assert_eq!(found, ["src/store/rows.rs:1: `INSERT INTO` without `ON CONFLICT`"]);
    }

    #[test]
    fn nobody_asks_to_be_tried_again() {
        let retries = format!("{HANDLER}fn f() -> Failure {{ Failure::Retry(String::new()) }}");
        assert_eq!(check(&[("handlers/change.rs", &retries)]).len(), 1);
    }

    #[test]
    fn a_query_takes_no_connection_of_commands_and_no_lock() {
        let query = |text: &str| {
            let query = format!("impl QueryHandler for Handler {{\n    fn f() {{ {text} }}\n}}");
            check(&[("handlers/change.rs", HANDLER), ("handlers/ask.rs", &query)])
        };
        assert_eq!(
            query("self.0.pool.acquire()"),
            ["src/handlers/ask.rs:2: a query with a connection of the commands' `pool`"]
        );
        assert_eq!(query("let Context { index, pool, .. } = self;").len(), 1);
        assert_eq!(query("self.0.queries.acquire()"), Vec::<String>::new());
        for lock in ["SELECT a FROM t FOR UPDATE", "SELECT a FROM t\nFOR NO KEY UPDATE", "SELECT pg_advisory_lock(1)"] {
            assert_eq!(query(&format!("query!(\"{lock}\")")).len(), 1, "{lock}");
        }
        // Commands may.
        let command = format!("{HANDLER}fn f() {{ self.0.pool; query!(\"SELECT a FROM t FOR UPDATE\"); }}");
        assert_eq!(check(&[("handlers/change.rs", &command)]), Vec::<String>::new());
    }

    #[test]
    fn nobody_waits_for_others_while_holding_a_connection() {
        let within = |text: &str| {
            let lines = text.replace(';', ";\n        ");
            check(&[("handlers/change.rs", HANDLER), ("doors.rs", &format!("fn f() {{\n        {lines}\n    }}\n"))])
        };
        let offence =
            |line: usize| vec![format!("src/doors.rs:{line}: something is waited for while a connection is held")];
        assert_eq!(within("let mut db = queries.acquire().await?;bus.ask(&find)"), offence(3));
        assert_eq!(within("let mut db = pool.begin().await?;read(&mut db);Doors::load(context)"), offence(4));
        assert_eq!(within("let mut db = pool.acquire().await?;let other = pool.acquire().await?;"), offence(3));
        for released in ["drop(db)", "db.commit().await?", "}"] {
            let text = format!("if so {{;    let mut db = pool.begin().await?;{released};bus.ask(&find)");
            assert_eq!(within(&text), Vec::<String>::new(), "{released}");
        }
    }

    #[test]
    fn comments_and_tests_say_what_they_like() {
        let said = "// the clock\n/* Failure::Retry */\nfn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' }\n\
                    #[cfg(test)]\nmod tests {\n    fn f() { Clock::system(); \"INSERT INTO t\"; }\n}\n\
                    fn g() { Failure::Retry(\"\") }\n";
        let handler = format!("{HANDLER}{said}");
        assert_eq!(
            check(&[("handlers/change.rs", &handler)]),
            ["src/handlers/change.rs:11: a `Failure::Retry` made by hand"]
        );
    }

    #[test]
    fn a_service_that_is_not_found_is_an_offence() {
        assert_eq!(check_service("/nowhere").len(), 2);
        assert_eq!(check(&[("lib.rs", "")]).len(), 1);
    }
}
