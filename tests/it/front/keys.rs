//! Access tokens for the tests of a daemon: made as the command makes them, written beside the configuration.
//!
//! Owns the file of tokens and requests with a token. Asserts nothing.

#![cfg(test)]

use super::harness::{House, TestApp};
use super::http::Answer;
use andon::access::Secret;
use andon::config::Token;
use andon::domain::{Person, Scope, Time};
use serde_json::Value;
use std::path::PathBuf;

/// The tokens of a house, in its folder.
pub(crate) struct Keys {
    house: House,
    tokens: Vec<Token>,
}

impl Keys {
    /// A house whose configuration names the file; it is there and empty.
    pub(crate) fn new() -> Self {
        let keys = Self { house: House { server: "tokens = \"keys.toml\"", ..House::folder() }, tokens: Vec::new() };
        keys.write();
        keys
    }

    pub(crate) fn house(&self) -> &House {
        &self.house
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.house.folder.path().join("keys.toml")
    }

    /// A new token in the file, for all workflows and for ever.
    pub(crate) fn give(&mut self, name: &str, scopes: &[Scope]) -> Secret {
        self.give_for(name, scopes, &["*"], None)
    }

    pub(crate) fn give_for(
        &mut self,
        name: &str,
        scopes: &[Scope],
        workflows: &[&str],
        expires: Option<Time>,
    ) -> Secret {
        let secret = Secret::draw().unwrap();
        let person = Person {
            name: name.to_owned(),
            roles: vec!["board".to_owned()],
            scopes: scopes.iter().copied().collect(),
            workflows: workflows.iter().map(|text| text.parse().unwrap()).collect(),
        };
        self.tokens.push(Token { person, expires, hash: secret.hash(), created: None });
        self.write();
        secret
    }

    /// Takes the tokens of a name out of the file.
    pub(crate) fn revoke(&mut self, name: &str) {
        self.tokens.retain(|token| token.person.name != name);
        self.write();
    }

    fn write(&self) {
        let text: String = self.tokens.iter().map(Token::to_toml).collect();
        std::fs::write(self.file(), text).unwrap();
    }
}

/// Requests with a token.
pub(crate) struct As<'a>(pub(crate) &'a TestApp, pub(crate) &'a Secret);

impl As<'_> {
    pub(crate) fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {}", self.1.text());
        self.0.send(method, path, &[("authorization", &authorization), ("content-type", "application/json")], body)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body.to_string().as_bytes())
    }

    pub(crate) fn ledger(&self) -> Vec<Value> {
        self.get("/v1/ledger?limit=1000").ok()["entries"].as_array().unwrap().clone()
    }
}
