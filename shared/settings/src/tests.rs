use std::collections::BTreeSet;

use super::*;

#[test]
fn the_defaults_are_complete_and_valid() {
    Settings::load(&[]).unwrap();
}

#[test]
fn overrides_stand_over_the_defaults() {
    let settings = Settings::load(&[("gateway.port", "4000".into()), ("chat.open_rooms", "false".into())]).unwrap();
    assert_eq!((settings.gateway.port, settings.chat.open_rooms), (4000, false));
}

#[test]
fn a_secret_may_be_a_file() {
    let file = std::env::temp_dir().join(format!("sinaesta-secret-{}", std::process::id()));
    std::fs::write(&file, "very secret\n").unwrap();
    let named = |path: &str| HashMap::from([("SINAESTA__AUTH__JWT_SECRET__FILE".to_owned(), path.to_owned())]);
    let read = with_secrets(named(&file.display().to_string())).unwrap();
    assert_eq!(read, HashMap::from([("SINAESTA__AUTH__JWT_SECRET".to_owned(), "very secret".to_owned())]));
    std::fs::remove_file(&file).unwrap();
    let error = with_secrets(named("/nowhere")).unwrap_err().to_string();
    assert!(error.contains("SINAESTA__AUTH__JWT_SECRET__FILE") && error.contains("/nowhere"), "{error}");
}

#[test]
fn no_kind_of_query_takes_all_connections_of_queries() {
    let most = |queries: &str| Settings::load(&[("bus.concurrent_queries", queries.to_owned())]);
    assert!(most("15").is_ok());
    assert!(most("16").unwrap_err().to_string().contains("bus.concurrent_queries"));
}

/// The control: without `check_exposure` the second half of this is taken.
#[test]
fn secrets_that_everybody_knows_are_for_the_loopback_alone() {
    let known = "development-only-change-me-before-anyone-else-connects";
    let load = |place: &[(&'static str, &str)], key: &'static str, value: &str| {
        let place = place.iter().map(|(key, host)| (*key, (*host).to_owned()));
        Settings::load(&place.chain([(key, value.to_owned())]).collect::<Vec<_>>())
    };
    let (host, published) = ("gateway.host", "gateway.published_host");
    let here: [&[_]; 5] = [
        &[],
        &[(host, "::1")],
        &[(host, "localhost")],
        &[(host, "0.0.0.0"), (published, "127.0.0.1")],
        &[(host, "0.0.0.0"), (published, "[::1]")],
    ];
    let everywhere: [&[_]; 5] = [
        &[(host, "0.0.0.0")],
        &[(host, "::")],
        &[(host, "127.0.0.1"), (published, "0.0.0.0")],
        &[(published, "192.168.1.20")],
        &[(published, "realtime.example.org")],
    ];
    let secrets = [
        ("auth.jwt_secret", known),
        ("nats.password", "development-only"),
        ("database.role_password", "development-only"),
        ("database.url", "postgres://sinaesta:development-only@postgres/sinaesta"),
    ];
    for (key, value) in secrets {
        for place in here {
            load(place, key, value).unwrap();
        }
        for place in everywhere {
            let error = load(place, key, value).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains(place.last().unwrap().1), "{place:?}: {error}");
            load(place, key, "postgres://sinaesta:vY7gk2mQ@postgres/sinaesta").unwrap();
        }
    }
    let mut demo = load(&[], "auth.jwt_secret", "0123456789abcdef0123456789abcdef").unwrap();
    demo.web.demo_users = vec!["0198c000-0000-7000-8000-000000000001".to_owned()];
    demo.check().unwrap();
    demo.gateway.host = "0.0.0.0".to_owned();
    assert!(demo.check().unwrap_err().to_string().contains("web.demo_users"));
}

#[test]
fn an_error_names_the_key_and_its_variable() {
    let error = Settings::load(&[("bus.max_batch", "0".into())]).unwrap_err().to_string();
    assert!(error.contains("bus.max_batch") && error.contains("SINAESTA__BUS__MAX_BATCH"), "{error}");
}

/// Every key that the defaults have, as the settings are read.
fn keys() -> BTreeSet<String> {
    let tables = Config::builder().add_source(defaults()).build().unwrap();
    let tables: HashMap<String, HashMap<String, config::Value>> = tables.try_deserialize().unwrap();
    tables.iter().flat_map(|(section, keys)| keys.keys().map(move |key| format!("{section}.{key}"))).collect()
}

#[test]
fn every_setting_has_its_meaning_in_a_comment_of_its_own() {
    let sections = reference::sections();
    let found: BTreeSet<_> = sections.iter().flat_map(|one| &one.entries).map(|entry| entry.key.clone()).collect();
    assert_eq!(found, keys());
    for section in sections {
        assert!(section.meaning.ends_with('.'), "[{}] needs a sentence over it", section.name);
        for entry in section.entries {
            assert!(entry.meaning.ends_with('.'), "{} needs a sentence over it", entry.key);
        }
    }
}

#[test]
fn every_bound_is_one_of_a_setting_that_there_is() {
    let (keys, settings) = (keys(), Settings::load(&[]).unwrap());
    for key in settings.rules().keys().chain(LISTS) {
        assert!(keys.contains(key), "there is no setting {key}");
    }
}

#[test]
fn the_reference_in_the_documents_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/settings.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == reference().unwrap(), "docs/settings.md is not up to date: run `cargo xtask codegen`");
}
