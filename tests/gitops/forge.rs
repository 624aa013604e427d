//! Stands in for the comment APIs of GitHub and GitLab.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, patch, put};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The only token that it takes.
pub(crate) const TOKEN: &str = "token-of-the-bot";
const GITHUB_LIMIT: usize = 65536;
const GITLAB_LIMIT: usize = 1_000_000;

/// A comment or note, with the members of both.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub(crate) id: usize,
    pub(crate) is_of_bot: bool,
    pub(crate) body: String,
}

impl Comment {
    fn json(&self) -> Value {
        let (kind, author) = if self.is_of_bot { ("Bot", 7) } else { ("User", 1) };
        json!({"id": self.id, "user": {"type": kind}, "author": {"id": author}, "body": self.body})
    }
}

/// One pull request, or merge request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forge {
    comments: Arc<Mutex<Vec<Comment>>>,
}

impl Forge {
    /// Serves it on a free port, and gives the address.
    pub(crate) async fn serve(&self) -> String {
        let comments = get(list).post(create);
        let router = Router::new()
            .route("/repos/o/r/issues/5/comments", comments.clone())
            .route("/repos/o/r/issues/comments/{id}", patch(replace))
            .route("/user", get(async || Json(json!({"id": 7}))))
            .route("/projects/1/merge_requests/5/notes", comments)
            .route("/projects/1/merge_requests/5/notes/{id}", put(replace))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}", listener.local_addr().expect("address"));
        tokio::spawn(async { axum::serve(listener, router).await });
        url
    }

    pub(crate) fn comments(&self) -> Vec<Comment> {
        self.comments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, is_of_bot: bool, body: &str) -> usize {
        let mut comments = self.comments.lock().unwrap_or_else(PoisonError::into_inner);
        let id = comments.len() + 1;
        comments.push(Comment { id, is_of_bot, body: body.to_owned() });
        id
    }
}

type Answer = (StatusCode, Json<Value>);

#[derive(Deserialize)]
struct Page {
    per_page: usize,
    #[serde(default = "first")]
    page: usize,
}

fn first() -> usize {
    1
}

fn is_let_in(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|given| given == value);
    is("authorization", &format!("Bearer {TOKEN}")) || is("private-token", TOKEN)
}

async fn list(State(forge): State<Forge>, Query(page): Query<Page>, headers: HeaderMap) -> Answer {
    if !is_let_in(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "Bad credentials"})));
    }
    let comments = forge.comments();
    let page = comments.iter().skip((page.page - 1) * page.per_page).take(page.per_page.min(100));
    (StatusCode::OK, Json(page.map(Comment::json).collect()))
}

/// The text, if it is one that may be written.
fn body(headers: &HeaderMap, value: &Value) -> Result<String, Answer> {
    let is_github = headers.contains_key("authorization");
    let limit = if is_github { GITHUB_LIMIT } else { GITLAB_LIMIT };
    match value["body"].as_str() {
        _ if !is_let_in(headers) => Err((StatusCode::UNAUTHORIZED, Json(json!({})))),
        Some(body) if (1..=limit).contains(&body.chars().count()) => Ok(body.to_owned()),
        _ => Err((StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"message": "body is too long"})))),
    }
}

async fn create(
    State(forge): State<Forge>,
    headers: HeaderMap,
    Json(value): Json<Value>,
) -> Answer {
    match body(&headers, &value) {
        Ok(body) => (StatusCode::CREATED, Json(json!({"id": forge.add(true, &body)}))),
        Err(answer) => answer,
    }
}

async fn replace(
    State(forge): State<Forge>,
    Path(id): Path<usize>,
    headers: HeaderMap,
    Json(value): Json<Value>,
) -> Answer {
    let body = match body(&headers, &value) {
        Ok(body) => body,
        Err(answer) => return answer,
    };
    let mut comments = forge.comments.lock().unwrap_or_else(PoisonError::into_inner);
    match comments.iter_mut().find(|comment| comment.id == id && comment.is_of_bot) {
        Some(comment) => {
            comment.body = body;
            (StatusCode::OK, Json(comment.json()))
        }
        None => (StatusCode::NOT_FOUND, Json(json!({}))),
    }
}
