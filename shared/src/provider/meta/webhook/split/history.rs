//! Cuts the change that brings the messages of before: threads of any length, in pieces a record can hold.
//!
//! A piece keeps `messaging_product` and the `metadata` of both levels, and of each thread its id; whatever else stands
//! beside a list travels with its first piece. Everything is looked at once.

use super::super::members::{Members, ObjectText};
use super::SplitError;
use super::cut::{BYTES_PER_PIECE, Piece};
use serde_json::value::RawValue;

const SHARED: [&str; 2] = ["messaging_product", "metadata"];

/// What a thread that begins in a piece costs beside its messages.
const THREAD_BYTES: usize = 100;

/// The pieces of `history`, and the value without it if it says more.
pub(super) fn cut(
    members: &Members<'_>,
) -> Result<(Vec<Piece>, Option<Box<RawValue>>), SplitError> {
    let mut pieces = Vec::new();
    for chunk in members.list("history").unwrap_or_default() {
        for chunk in chunks(chunk) {
            pieces.push(piece(members, &chunk)?);
        }
    }
    let rest = members.rest(&["messaging_product", "metadata", "history"]);
    let rest = rest.and_then(|_| members.rest(&["history"]));
    Ok((pieces, rest.map(RawValue::from_string).transpose()?))
}

fn piece(members: &Members<'_>, chunk: &str) -> Result<Piece, SplitError> {
    let mut object = ObjectText::default();
    for (name, value) in members.iter().filter(|(name, _)| SHARED.contains(name)) {
        object.member(name, value.get());
    }
    object.list_unless_empty("history", std::iter::once(chunk));
    Ok(Piece {
        value: RawValue::from_string(object.finish())?,
        updates: 1,
    })
}

/// One element of `history`, in elements that are small enough.
fn chunks(chunk: &RawValue) -> Vec<String> {
    let members = Members::of(chunk).unwrap_or_default();
    let threads = members.list("threads").unwrap_or_default();
    if threads.is_empty() || chunk.get().len() <= BYTES_PER_PIECE {
        return vec![chunk.get().to_owned()];
    }
    let mut filling = Filling::default();
    for thread in threads {
        filling.thread(thread);
    }
    let mut chunks = Vec::new();
    for threads in filling.finish() {
        let mut object = ObjectText::default();
        for (name, value) in members.iter().filter(|(name, _)| *name != "threads") {
            if chunks.is_empty() || name == "metadata" {
                object.member(name, value.get());
            }
        }
        object.list_unless_empty("threads", threads.iter().map(String::as_str));
        chunks.push(object.finish());
    }
    chunks
}

/// Threads, or pieces of them, sorted into chunks.
#[derive(Default)]
struct Filling {
    chunks: Vec<Vec<String>>,
    bytes: usize,
}

impl Filling {
    /// Puts a thread into the last chunk as far as it fits there, and the rest of it into new ones.
    fn thread(&mut self, thread: &RawValue) {
        let members = Members::of(thread).unwrap_or_default();
        let messages = members.list("messages").unwrap_or_default();
        if self.bytes + thread.get().len() <= BYTES_PER_PIECE || messages.is_empty() {
            return self.put(thread.get().to_owned());
        }
        let mut is_first = true;
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            if self.bytes + THREAD_BYTES + rest.first().map_or(0, |it| it.get().len())
                > BYTES_PER_PIECE
            {
                self.bytes = 0;
            }
            let (now, later) = rest.split_at(fitting(rest, self.bytes + THREAD_BYTES));
            let mut object = ObjectText::default();
            for (name, value) in members.iter().filter(|(name, _)| *name != "messages") {
                if is_first || name == "id" {
                    object.member(name, value.get());
                }
            }
            object.list_unless_empty("messages", now.iter().map(|message| message.get()));
            self.put(object.finish());
            (rest, is_first) = (later, false);
        }
    }

    fn put(&mut self, thread: String) {
        let begins = self.bytes == 0 || self.bytes + thread.len() > BYTES_PER_PIECE + THREAD_BYTES;
        if begins {
            self.bytes = 0;
        }
        self.bytes += thread.len() + 1;
        match self.chunks.last_mut() {
            Some(chunk) if !begins => chunk.push(thread),
            Some(_) | None => self.chunks.push(vec![thread]),
        }
    }

    fn finish(self) -> Vec<Vec<String>> {
        self.chunks
    }
}

/// How many of `messages` fit beside `bytes`: one at least.
fn fitting(messages: &[&RawValue], mut bytes: usize) -> usize {
    let fits = |message: &&&RawValue| {
        bytes += message.get().len() + 1;
        bytes <= BYTES_PER_PIECE
    };
    messages.iter().take_while(fits).count().max(1)
}
