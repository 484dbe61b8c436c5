//! The list of routes under construction: each with the scope that it needs.
//!
//! Owns that no route comes into being without saying who may use it: there is no way to add one but
//! [`Table::needs`] and [`Table::open`]. What is declared here is enforced and documented alike.

use super::Shared;
use super::auth::guard;
use crate::domain::Scope;
use axum::middleware::from_fn;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, OpenApi, PathItem, Ref, RefOr, ResponseBuilder};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// Names of the two ways to send a token, in the OpenAPI document.
const SCHEMES: [&str; 2] = ["bearer", "api_key"];

/// Routes with their document.
pub(super) struct Table(OpenApiRouter<Shared>);

impl Table {
    /// An empty list for a document.
    pub(super) fn new(mut document: OpenApi) -> Self {
        let what = "An access token: `andon token new` makes one. Where none are configured, none is asked for.";
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what)).build();
        let key = ApiKey::Header(ApiKeyValue::with_description(
            "X-API-Key",
            "The same token, for clients that send it here.",
        ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(SCHEMES[0], SecurityScheme::Http(bearer));
        components.add_security_scheme(SCHEMES[1], SecurityScheme::ApiKey(key));
        Self(OpenApiRouter::with_openapi(document))
    }

    /// Adds routes for tokens with this scope.
    pub(super) fn needs(self, scope: Scope, (schemas, mut paths, router): UtoipaMethodRouter<Shared>) -> Self {
        for operation in paths.paths.values_mut().flat_map(operations) {
            let requirement = |scheme: &str| SecurityRequirement::new(scheme, [scope.name()]);
            operation.security = Some(SCHEMES.iter().map(|scheme| requirement(scheme)).collect());
            for (status, what) in
                [("401", "no access token, or one that doesn't hold"), ("403", "the token doesn't allow this")]
            {
                operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(what));
            }
        }
        let router = router.route_layer(from_fn(move |request, next| guard(scope, request, next)));
        Self(self.0.routes((schemas, paths, router)))
    }

    /// Adds routes that anybody who reaches the address may use.
    pub(super) fn open(self, (schemas, mut paths, router): UtoipaMethodRouter<Shared>) -> Self {
        paths.paths.values_mut().flat_map(operations).for_each(|operation| operation.security = Some(Vec::new()));
        Self(self.0.routes((schemas, paths, router)))
    }

    /// Adds a list of routes.
    pub(super) fn and(self, more: fn(Self) -> Self) -> Self {
        more(self)
    }

    /// The routes, and their document.
    pub(super) fn done(self) -> OpenApiRouter<Shared> {
        self.0
    }
}

/// All operations of a path: every method that this version of OpenAPI knows.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, query, additional_operations, .. } = item;
    let named = [get, put, post, delete, options, head, patch, trace, query];
    named.into_iter().filter_map(Option::as_mut).chain(additional_operations.values_mut())
}

fn problem(what: &str) -> RefOr<utoipa::openapi::Response> {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(what).content("application/problem+json", body).build())
}
