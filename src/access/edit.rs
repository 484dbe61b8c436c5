//! Changes to the text of a token file, so that everything else in it stays as it was written.
//!
//! Owns which lines belong to a token. Every result is read again before it is handed out: where the
//! file is written in a way that isn't understood here, nothing is changed.

use crate::config::{Problems, TOKENS_MAX, Token, Tokens, load_tokens};
use std::fmt::Write as _;

/// What stands at the top of a new file.
const HEAD: &str = "# Access tokens of andon: who may do what, and until when. Only hashes stand here, never a token.
# `andon token new`, `list` and `revoke` keep this file; a running daemon takes it with SIGHUP or POST /v1/reload.
";

/// The text with one more token at its end.
///
/// # Errors
/// The text has problems already, or isn't written as tables.
pub fn append(text: &str, file: &str, token: &Token) -> Result<String, String> {
    let mut wanted = read(text, file)?;
    if wanted.len() >= TOKENS_MAX {
        return Err(format!("`{file}` holds {TOKENS_MAX} tokens, which is the limit: revoke those that have expired"));
    }
    wanted.push(token.clone());
    let mut new = if text.trim().is_empty() { HEAD.to_owned() } else { text.to_owned() };
    if !new.ends_with('\n') {
        new.push('\n');
    }
    // Writing to a text can't fail.
    let _ = write!(new, "\n{}", token.to_toml());
    checked(new, file, &wanted)
}

/// The text without some of its tokens, and those tokens. Comments on the lines directly above a
/// token's head, and within it, go with it; all others stay.
///
/// # Errors
/// The text has problems already, or isn't written as tables.
pub fn remove(text: &str, file: &str, goes: impl Fn(&Token) -> bool) -> Result<(String, Vec<Token>), String> {
    let Tokens { list, lines: heads } = load(text, file)?;
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut stays = vec![true; lines.len()];
    for (index, head) in heads.iter().enumerate().filter(|(index, _)| goes(&list[*index])) {
        let from = first_line(&lines, head - 1);
        let next = heads.get(index + 1).map_or(lines.len(), |next| first_line(&lines, next - 1));
        let last = (head - 1..next).rev().find(|at| !is_blank(lines[*at]) && !is_comment(lines[*at]));
        let mut to = last.map_or(next, |last| last + 1);
        // One of the empty lines around it goes too.
        if to < next && is_blank(lines[to]) {
            to += 1;
        }
        stays[from..to].fill(false);
    }
    let new: String = lines.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(line, _)| *line).collect();
    let (gone, wanted): (Vec<Token>, Vec<Token>) = list.into_iter().partition(goes);
    Ok((checked(new, file, &wanted)?, gone))
}

/// Where a token begins: at its head, or at the comment directly above it.
fn first_line(lines: &[&str], head: usize) -> usize {
    let comments = lines[..head].iter().rev().take_while(|line| is_comment(line)).count();
    head - comments
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

fn load(text: &str, file: &str) -> Result<Tokens, String> {
    load_tokens(text, file).map_err(|problems: Problems| format!("`{file}` must be mended first:\n{problems}"))
}

fn read(text: &str, file: &str) -> Result<Vec<Token>, String> {
    load(text, file).map(|tokens| tokens.list)
}

fn checked(new: String, file: &str, wanted: &[Token]) -> Result<String, String> {
    match load_tokens(&new, file) {
        Ok(tokens) if tokens.list == wanted => Ok(new),
        _ => Err(format!(
            "`{file}` isn't written as a list of [[token]] tables, so it can't be changed here: change it by hand"
        )),
    }
}
