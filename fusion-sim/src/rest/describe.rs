//! What the pod says about itself: versions, the catalogue, one resource (FACTS 1.1, 1.8).

use http::{Method, StatusCode};

use super::answer::Answer;
use super::error::PodError;
use super::handle::{Call, Target, root_href};
use super::json::Json;
use super::negotiate::Media;
use super::params;
use super::path::{self, VERSION};
use super::render::link;
use crate::metadata;
use crate::model::{AllowChanges, Attribute, Key, Resource, Root, Type};

/// `GET /{root}/resources/`.
pub(crate) fn versions(call: &Call<'_>, root: Root) -> Result<Answer, PodError> {
    only_get(call)?;
    let content_type = call.negotiated.content_type(Media::Collection)?;
    let mut json = Json::default();
    json.object();
    json.name("items");
    json.array();
    json.element();
    json.object();
    json.member("version", VERSION);
    json.flag("isLatest", true);
    json.name("adf:extension");
    json.object();
    json.member("defaultFrameworkVersion", &call.arrival.framework_default.to_string());
    json.texts("allowedFrameworkVersions", ["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    json.end_object();
    json.name("links");
    json.array();
    let href = root_href(call, root);
    for relation in ["self", "canonical", "current"] {
        link(&mut json, relation, &href, "self", "item", None);
    }
    link(&mut json, "describe", &format!("{href}/describe"), "describe", "describe", None);
    json.end_array();
    json.end_object();
    json.end_array();
    json.name("links");
    json.array();
    let href = format!("{}/{}/resources", call.base, path::root_name(root));
    link(&mut json, "self", &href, "self", "collection", None);
    json.end_array();
    json.end_object();
    Ok(Answer::new(StatusCode::OK, content_type, json.finish()))
}

/// `GET …/describe` of the root: every resource, in `metadataMode` `list` or `minimal` without attributes.
pub(crate) fn catalogue(call: &Call<'_>, root: Root) -> Result<Answer, PodError> {
    only_get(call)?;
    let content_type = call.negotiated.content_type(Media::Description)?;
    let mut brief = false;
    for (name, value) in params::split(&call.arrival.query)? {
        match (name.as_str(), value.as_str()) {
            ("metadataMode", "minimal" | "list") => brief = true,
            ("includeChildren" | "showAnnotations", "true" | "false") => {}
            ("metadataMode" | "includeChildren" | "showAnnotations", _) => {
                return Err(PodError::bad(format!(
                    "The value {value} of the URL request parameter {name} isn't valid."
                )));
            }
            _ => return Err(unusable(&name)),
        }
    }
    let mut json = Json::default();
    json.object();
    json.name("Resources");
    json.object();
    for resource in metadata::all().iter().filter(|resource| resource.root == root) {
        let href = format!("{}/{}", root_href(call, root), resource.name);
        json.name(&resource.name);
        if brief {
            json.object();
            heads(&mut json, resource);
            json.name("links");
            json.array();
            link(&mut json, "self", &href, "self", "collection", None);
            link(&mut json, "describe", &format!("{href}/describe"), "describe", "describe", None);
            json.end_array();
            json.end_object();
        } else {
            describe(&mut json, resource, &href);
        }
    }
    json.end_object();
    json.end_object();
    Ok(Answer::new(StatusCode::OK, content_type, json.finish()))
}

/// `GET …/{resource}/describe`, of a collection or of a row.
pub(crate) fn resource(call: &Call<'_>, target: &Target) -> Result<Answer, PodError> {
    only_get(call)?;
    let content_type = call.negotiated.content_type(Media::Description)?;
    if let Some((name, _)) = params::split(&call.arrival.query)?.first() {
        return Err(unusable(name));
    }
    let href = format!("{}{}", call.base, call.arrival.path.trim_end_matches("/describe"));
    let mut json = Json::default();
    json.object();
    json.name("Resources");
    json.object();
    json.name(&target.resource.name);
    describe(&mut json, target.resource, &href);
    json.end_object();
    json.end_object();
    Ok(Answer::new(StatusCode::OK, content_type, json.finish()))
}

fn only_get(call: &Call<'_>) -> Result<(), PodError> {
    if call.method == Method::GET { Ok(()) } else { Err(PodError::not_allowed("GET")) }
}

fn unusable(name: &str) -> PodError {
    PodError::bad(format!("The URL request parameter {name} cannot be used in this context."))
}

fn heads(json: &mut Json, resource: &Resource) {
    json.flag("discrColumnType", false);
    json.member("title", &resource.title);
    json.member("titlePlural", &resource.title);
}

fn describe(json: &mut Json, resource: &Resource, href: &str) {
    json.object();
    heads(json, resource);
    json.name("attributes");
    json.array();
    for attribute in &resource.attributes {
        json.element();
        self::attribute(json, attribute);
    }
    json.end_array();
    json.name("collection");
    json.object();
    json.number("rangeSize", params::DEFAULT_LIMIT);
    finders(json, resource);
    json.name("links");
    json.array();
    link(json, "self", href, "self", "collection", None);
    json.end_array();
    actions(json, &resource.collection_methods, &resource.collection_actions, "resourcecollection");
    json.end_object();
    json.name("item");
    json.object();
    let key = match &resource.key {
        Key::Plain(name) => name.clone(),
        Key::Opaque(_) => format!("{}UniqID", resource.name),
    };
    json.name("links");
    json.array();
    link(json, "self", &format!("{href}/{{{key}}}"), "self", "item", None);
    link(json, "canonical", &format!("{href}/{{{key}}}"), "canonical", "item", None);
    json.end_array();
    actions(json, &resource.item_methods, &resource.item_actions, "resourceitem");
    json.end_object();
    json.name("children");
    json.object();
    for child in &resource.children {
        json.name(&child.name);
        describe(json, child, &format!("{href}/{{{key}}}/child/{}", child.name));
    }
    json.end_object();
    json.name("links");
    json.array();
    link(json, "self", &format!("{href}/describe"), "self", "describe", None);
    link(json, "canonical", &format!("{href}/describe"), "canonical", "describe", None);
    json.end_array();
    json.end_object();
}

fn kind(kind: Type) -> (&'static str, Option<&'static str>) {
    match kind {
        Type::Text => ("string", None),
        Type::Integer => ("integer", None),
        Type::Number => ("number", None),
        Type::Boolean => ("boolean", None),
        Type::Date => ("string", Some("date")),
        Type::Timestamp => ("string", Some("date-time")),
        Type::Attachment => ("attachment", None),
        Type::List => ("array", None),
    }
}

fn attribute(json: &mut Json, attribute: &Attribute) {
    let (name, format) = kind(attribute.kind);
    json.object();
    json.member("name", &attribute.name);
    json.member("type", name);
    if let Some(format) = format {
        json.member("format", format);
    }
    json.flag("updatable", attribute.allow_changes != AllowChanges::Never);
    json.flag("mandatory", attribute.mandatory);
    json.flag("queryable", attribute.queryable);
    json.member(
        "allowChanges",
        match attribute.allow_changes {
            AllowChanges::Always => "always",
            AllowChanges::InCreate => "inCreate",
            AllowChanges::Never => "never",
        },
    );
    if let Some(length) = attribute.max_length {
        json.number("precision", length.into());
    }
    json.member("title", &attribute.title);
    if let Some(lov) = &attribute.lov {
        json.name("lov");
        json.object();
        json.member("childRef", &lov.name);
        json.name("attributeMap");
        json.array();
        for (source, target) in &lov.attribute_map {
            json.element();
            json.object();
            json.member("source", source);
            json.member("target", target);
            json.end_object();
        }
        json.end_array();
        json.texts("displayAttributes", lov.display.iter().map(String::as_str));
        json.end_object();
    }
    json.end_object();
}

fn finders(json: &mut Json, resource: &Resource) {
    json.name("finders");
    json.array();
    for finder in &resource.finders {
        json.element();
        json.object();
        json.member("name", &finder.name);
        json.member("title", &finder.name);
        json.name("attributes");
        json.array();
        for (variable, of) in &finder.variables {
            json.element();
            json.object();
            json.member("name", variable);
            json.member("type", kind(*of).0);
            json.flag("updatable", true);
            json.flag("required", finder.required.contains(variable));
            json.flag("queryable", false);
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.end_array();
}

fn actions(json: &mut Json, methods: &[String], custom: &[String], media: &str) {
    let answer = format!("application/vnd.oracle.adf.{media}+json");
    json.name("actions");
    json.array();
    for method in methods {
        let name = match method.as_str() {
            "GET" => "get",
            "POST" => "create",
            "PATCH" => "update",
            _ => "delete",
        };
        json.element();
        json.object();
        json.member("name", name);
        json.member("method", method);
        if matches!(name, "create" | "update") {
            json.texts("requestType", ["application/json", "application/vnd.oracle.adf.resourceitem+json"]);
        }
        if name != "delete" {
            json.texts("responseType", ["application/json", &answer]);
        }
        json.end_object();
    }
    for action in custom {
        json.element();
        json.object();
        json.member("name", action);
        json.member("method", "POST");
        json.texts("requestType", ["application/json", "application/vnd.oracle.adf.action+json"]);
        json.texts("responseType", ["application/json", "application/vnd.oracle.adf.actionresult+json"]);
        json.end_object();
    }
    json.end_array();
}
