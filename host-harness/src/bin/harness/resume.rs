//! `harness resume`: an action that answered pending, from its token on.

use std::time::Instant;

use crate::args::{Global, With};
use crate::component::{Component, Use};
use crate::ending::Ending;
use crate::run::{print, to_the_end};
use crate::{input, keeping, signin, site};

pub async fn run(global: &Global, action: &str, with: &With, token: &str) -> Result<(), Ending> {
    let input = input::read(&with.input, "input")?;
    let token = input::read(token, "token")?;
    if global.call_id.is_none() && global.replay.is_none() {
        return Err(Ending::usage(
            "a job is resumed with the call id that it was started with",
            "Give --call-id ID: `run --no-wait` told it beside the token.",
        ));
    }
    let component = Component::load(global).await?;
    component.operation(action, Use::Action)?;
    site::within(component, global, &with.connection, async |site| {
        let store = keeping::claim(global, site, action, &input)?;
        signin::sign_in(site).await?;
        let id = site.call_id.clone();
        let started = Instant::now();
        let ended = to_the_end(site, &id, action, &input, Some(token), !global.no_wait).await;
        let named = (with.connection.as_str(), action);
        let outcome = keeping::outcome(ended.as_ref());
        let noted = keeping::note(store, global.keep_bodies, site, named, &input, started, &outcome);
        ended.and_then(|ended| print(site, action, ended)).and(noted)
    })
    .await
}
