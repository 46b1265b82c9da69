//! The tree of jobs that a load runs, as `RequestStatus` and the completion event tell it (FACTS 3.3, 7.3).

use serde_json::{Map, Value, json};

use super::state;

/// Deeper trees than any load has are not followed.
const DEPTH: usize = 16;

/// A load with its jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// State of the whole.
    pub state: String,
    /// The document with logs and error files, once it is there.
    pub document: Option<String>,
    /// All jobs, parents before their children.
    pub jobs: Vec<Job>,
}

/// One job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// Request id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Package of its definition.
    pub path: String,
    /// State, as [`state::spelt`].
    pub state: String,
    /// File name of the document that it loads; empty where it loads none.
    pub document: String,
    /// Request that started it; empty for the first.
    pub parent: String,
}

impl Job {
    /// As outputs have it.
    pub fn told(&self) -> Value {
        let parent = (!self.parent.is_empty()).then_some(&self.parent);
        json!({"request_id": self.id, "name": self.name, "state": self.state, "parent_request_id": parent})
    }
}

impl Tree {
    /// Reads it; `None` for what is no such tree.
    pub fn read(text: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(text).ok()?;
        Self::of(&value)
    }

    /// The same from a value.
    pub fn of(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let jobs = member(object, "JOBS")?.as_array()?;
        let mut tree = Self {
            state: state::spelt(&text(object, "SUMMARYSTATUS")),
            document: Some(text(object, "DOCUMENTID")).filter(|id| !id.is_empty()),
            jobs: Vec::new(),
        };
        for job in jobs {
            tree.add(job, "", DEPTH);
        }
        let first = tree.jobs.first().map(|job| job.id.clone())?;
        for job in tree.jobs.iter_mut().skip(1).filter(|job| job.parent.is_empty()) {
            job.parent.clone_from(&first);
        }
        Some(tree)
    }

    fn add(&mut self, value: &Value, parent: &str, left: usize) {
        let Some(object) = value.as_object().filter(|_| left > 0) else { return };
        let id = text(object, "REQUESTID");
        self.jobs.push(Job {
            id: id.clone(),
            name: text(object, "JOBNAME"),
            path: text(object, "JOBPATH"),
            state: state::spelt(&text(object, "STATUS")),
            document: text(object, "DOCUMENTNAME"),
            parent: parent.to_owned(),
        });
        for child in member(object, "CHILD").and_then(Value::as_array).into_iter().flatten() {
            self.add(child, &id, left - 1);
        }
    }

    /// Whether it loads a document whose name begins so.
    pub fn names_document(&self, prefix: &str) -> bool {
        self.jobs.iter().any(|job| job.document.starts_with(prefix))
    }

    /// How many jobs have ended.
    pub fn ended(&self) -> usize {
        self.jobs.iter().filter(|job| state::end(&job.state).is_some()).count()
    }
}

/// A member, whatever its case.
fn member<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.get(name).or_else(|| object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// Ids come as texts and as numbers.
fn text(object: &Map<String, Value>, name: &str) -> String {
    match member(object, name) {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_tree_is_read_with_parents() {
        let tree = Tree::read(
            r#"{"SUMMARYSTATUS":"SUCCEEDED","DOCUMENTID":1658852,"JOBS":[{"JOBNAME":"Load Interface File for Import","JOBPATH":"/p","REQUESTID":"1391805","DOCUMENTNAME":"x.zip","STATUS":"PAUSED","CHILD":[{"JOBNAME":"Transfer File","JOBPATH":"/p","REQUESTID":1391807,"STATUS":"SUCCEEDED"}]},{"JOBNAME":"Import","JOBPATH":"/q","REQUESTID":"1391811","DOCUMENTNAME":null,"STATUS":"12"}]}"#,
        )
        .unwrap();
        assert_eq!((tree.document.as_deref(), tree.ended()), (Some("1658852"), 2));
        let parents: Vec<&str> = tree.jobs.iter().map(|job| job.parent.as_str()).collect();
        assert_eq!(parents, ["", "1391805", "1391805"]);
        assert_eq!(tree.jobs[2].state, "SUCCEEDED");
    }

    #[test]
    fn what_is_no_tree_is_none() {
        for text in ["", "SUCCEEDED", "{}", "[]", r#"{"JOBS":[]}"#, r#"{"JOBS":{}}"#] {
            assert_eq!(Tree::read(text), None, "{text}");
        }
    }
}
