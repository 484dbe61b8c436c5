//! The text of a token file: what is written is read, what is edited stays a file, what is wrong is said.
//!
//! Owns the strategies for tokens and for what people write around them.

use andon::access::{append, remove};
use andon::config::{self, Need, TOKENS_MAX, Token, load_tokens};
use andon::domain::{Pattern, Person, Scope, Time};
use proptest::prelude::*;

fn person() -> impl Strategy<Value = Person> {
    let pattern = prop_oneof![Just("*".to_owned()), "[a-z0-9][a-zA-Z0-9_-]{0,20}[*]?"];
    let parts = (
        "[a-zA-Zäøß@][a-z0-9 _.@+'-]{0,40}[a-z]",
        prop::collection::btree_set("[a-z][a-z0-9_-]{0,31}", 0..4),
        prop::sample::subsequence(Scope::ALL.to_vec(), 1..=6),
        prop::collection::btree_set(pattern, 1..4),
    );
    let valid = parts.prop_filter("reserved", |(name, ..)| Person::check_name(name).is_ok());
    valid.prop_map(|(name, roles, scopes, workflows)| Person {
        name,
        roles: roles.into_iter().collect(),
        scopes: scopes.into_iter().collect(),
        workflows: workflows.iter().map(|text| text.parse::<Pattern>().unwrap()).collect(),
    })
}

fn token() -> impl Strategy<Value = Token> {
    let time = || prop::option::of((0..4_000_000_000_000_i64).prop_map(Time));
    let hash = any::<[u8; 32]>().prop_filter("nobody's hash", |hash| *hash != [0; 32]);
    (person(), time(), hash, time()).prop_map(|(person, expires, hash, created)| Token {
        person,
        expires,
        hash,
        created,
    })
}

/// What people write between tokens; the comments that must stay are numbered.
fn between() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(""),
        Just("\n"),
        Just("\n\n"),
        Just("\n# kept\n\n"),
        Just("# kept\n\n"),
        Just("\r\n# kept\r\n\r\n")
    ]
    .prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn what_is_written_is_read(tokens in prop::collection::vec(token(), 0..6)) {
        let text: String = tokens.iter().map(Token::to_toml).collect();
        prop_assert_eq!(load_tokens(&text, "t").map(|read| read.list), Ok(tokens));
    }

    /// Whatever stands around them: a token comes and goes, the others and the comments stay.
    #[test]
    fn edits_change_one_token_and_no_comment(
        parts in prop::collection::vec((between(), token()), 1..6),
        last in between(),
        new in token(),
        which in any::<prop::sample::Index>(),
    ) {
        let text: String = parts.iter().map(|(before, token)| format!("{before}{}", token.to_toml())).collect();
        let text = text + &last;
        let tokens: Vec<Token> = parts.into_iter().map(|(_, token)| token).collect();
        let kept = text.matches("# kept").count();
        let goes = &tokens[which.index(tokens.len())];
        let (less, gone) = remove(&text, "t", |token| token == goes).unwrap();
        let left: Vec<Token> = tokens.iter().filter(|token| *token != goes).cloned().collect();
        prop_assert_eq!((&gone[0], load_tokens(&less, "t").unwrap().list), (goes, left));
        prop_assert_eq!(less.matches("# kept").count(), kept, "{}", less);
        let more = append(&text, "t", &new).unwrap();
        prop_assert!(more.starts_with(&text));
        prop_assert_eq!(load_tokens(&more, "t").unwrap().list, [tokens.as_slice(), &[new]].concat());
    }

    /// Whatever a file is cut down to, it is read or refused, and never repeats a secret.
    #[test]
    fn any_damage_is_survived(token in token(), from in 0..300_usize, length in 0..40_usize, with in ".{0,8}") {
        let secret = format!("{}{}", "andon", "_".to_owned() + &"x1Y".repeat(16));
        let text = token.to_toml().replace("sha256:", &secret);
        let floor = |at: usize| text.floor_char_boundary(at);
        let text = format!("{}{with}{}", &text[..floor(from)], &text[floor(from + length)..]);
        if let Err(problems) = load_tokens(&text, "t") {
            prop_assert!(!problems.to_string().contains(&"x1Y".repeat(11)), "{}", problems);
        }
    }
}

#[test]
fn the_comment_of_a_token_goes_with_it() {
    let token = |name: &str, byte: u8| {
        let scopes = [Scope::Read].into_iter().collect();
        let person = Person {
            name: name.to_owned(),
            roles: Vec::new(),
            scopes,
            workflows: ["*".parse().unwrap()].into_iter().collect(),
        };
        Token { person, expires: None, hash: [byte; 32], created: None }.to_toml()
    };
    let (ann, bob) = (token("ann", 1).replace("expires", "# inner\nexpires"), token("bob", 2));
    let text = format!("# head\n\n# ann's laptop\n# and phone\n{ann}\n# bob's\n{bob}\n# end\n");
    let (without_ann, _) = remove(&text, "t", |token| token.person.name == "ann").unwrap();
    assert_eq!(without_ann, format!("# head\n\n# bob's\n{bob}\n# end\n"));
    let (without_bob, _) = remove(&text, "t", |token| token.person.name == "bob").unwrap();
    assert_eq!(without_bob, format!("# head\n\n# ann's laptop\n# and phone\n{ann}\n# end\n"));
}

#[test]
fn there_is_a_limit() {
    let one = |n: usize| {
        let digits = format!("{n:08x}").repeat(8);
        format!(
            "[[token]]\nname = \"a\"\nscopes = [\"read\"]\nworkflows = [\"*\"]\nexpires = \"never\"\nhash = \"sha256:{digits}\"\n"
        )
    };
    let full: String = (1..=TOKENS_MAX).map(one).collect();
    let tokens = load_tokens(&full, "t").unwrap().list;
    assert_eq!(tokens.len(), TOKENS_MAX);
    let new = Token { hash: [7; 32], ..tokens[0].clone() };
    assert!(append(&full, "t", &new).unwrap_err().contains("which is the limit"));
    let over = load_tokens(&(full + &one(TOKENS_MAX + 1)), "t").unwrap_err();
    assert!(over.to_string().contains("at most 1000 are taken"), "{over}");
}

/// A key that no code reads would be accepted and ignored; one that isn't explained would be guessed.
#[test]
fn every_key_of_the_file_is_read_and_documented() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/access.md")).unwrap();
    for key in config::token_keys() {
        if key.section == "tokens" {
            assert!(page.contains(&format!("[[{}]]", key.key)), "{key:?}");
            continue;
        }
        assert!(page.contains(&format!("\n{} = ", key.key)), "{key:?} isn't explained");
        let problems = load_tokens(&format!("[[token]]\n{} = 1979-05-27\n", key.key), "t").unwrap_err();
        let found = problems.list().iter().find(|problem| problem.line == 2);
        assert!(found.is_some_and(|found| !found.message.contains("has no key")), "{key:?}: {problems}");
        let missing = load_tokens("[[token]]\n", "t").unwrap_err().to_string();
        let required = matches!(key.need, Need::Required(_));
        assert_eq!(missing.contains(&format!("has no `{}`", key.key)), required, "{key:?}: {missing}");
    }
}
