//! A CloudStack that refuses, fails, lies, or never ends.

use std::time::Duration;

use contract::human;
use manager::routers::import::cloudstack::{self, ImportError};
use sinks::cloudstack::{Api, ApiError};

use crate::fake::CloudStack;

async fn refused(api: &Api) -> ImportError {
    cloudstack::read(api).await.unwrap_err()
}

#[tokio::test]
async fn what_goes_wrong_is_told_with_command_page_and_what_to_do() {
    let cloud = CloudStack::started();
    for (trouble, expected) in [
        (
            "page-2-fails",
            "listRouters, page 2: CloudStack does not accept the request: Unable to execute API command listrouters (431)",
        ),
        (
            "flat-error",
            "listRouters, page 1: CloudStack failed: the database is away (530); its log, management-server.log, says more",
        ),
        (
            "internal",
            "listRouters, page 1: CloudStack failed: Internal error executing command, please contact your system administrator (530)",
        ),
        (
            "no-hosts",
            "listHosts, page 1: CloudStack does not let the owner of `api_key` call it: The given command:listHosts",
        ),
        (
            "html",
            "listRouters, page 1: the answer is no whole JSON document: <html><body>Please log in",
        ),
        (
            "moved",
            "listRouters, page 1: it answers 302 Found and points to https://elsewhere.example/client/api; redirects are not followed",
        ),
        ("cut", "listRouters, page 1: the answer was cut off"),
        (
            "huge",
            "listRouters, page 1: the answer is larger than 16777216 bytes",
        ),
        (
            "swollen",
            "listRouters, page 1: the answer is made of too many values",
        ),
        (
            "ends-early",
            "listRouters: there are 1106, but only 500 were listed; nothing is changed by half a list",
        ),
        (
            "odd",
            "listRouters, page 1: the answer is not understood: `router`: invalid type: map, expected a string",
        ),
        (
            "elsewhere/fine",
            "listRouters, page 1: CloudStack refuses the keys",
        ),
    ] {
        let words = refused(&cloud.api(trouble)).await.to_string();
        assert!(words.starts_with(expected), "{trouble}: {words}");
        assert!(!words.contains("hunter2"), "{words}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_a_check_that_is_not_ours() {
    let cloud = CloudStack::started();
    let api = Api::try_from(cloud.written("fine", "wrong")).unwrap();
    let ImportError::Call {
        source: ApiError::Denied(words),
        ..
    } = refused(&api).await
    else {
        panic!("it was let in");
    };
    assert!(
        words.starts_with("unable to verify user credentials"),
        "{words}"
    );
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_does_not_end_is_given_up() {
    let cloud = CloudStack::started();
    for trouble in ["silent", "drips"] {
        let mut written = cloud.written(trouble, "hunter2");
        written.timeout = Some(human::Duration(Duration::from_millis(300)));
        let words = refused(&written.try_into().unwrap()).await.to_string();
        assert_eq!(words, "listRouters, page 1: no whole answer within 300ms");
    }
}

#[tokio::test]
async fn half_a_list_is_asked_for_anew_before_it_is_given_up() {
    let cloud = CloudStack::started();
    refused(&cloud.api("ends-early")).await;
    assert_eq!(cloud.asked().len(), 6);
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_read_anew() {
    let cloud = CloudStack::started();
    for trouble in ["one-went", "one-came"] {
        let found = cloudstack::read(&cloud.api(trouble)).await.unwrap();
        assert_eq!(found.inventory.routers.len(), 1107, "{trouble}");
    }
    let words = refused(&cloud.api("never-settles")).await.to_string();
    assert!(
        words.starts_with("listRouters: the list changes while it is read"),
        "{words}"
    );
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_inventory() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let cloud = CloudStack::started();
    let mut written = cloud.written("fine", "hunter2");
    written.url = format!("http://127.0.0.1:{port}/client/api");
    let words = refused(&written.try_into().unwrap()).await.to_string();
    assert!(
        words.starts_with("listRouters, page 1: connecting failed"),
        "{words}"
    );
}
