//! A language model's server, spoken to in the OpenAI-compatible way. Which one, and whose key it gets.
use super::http::{DeliveryClient, Method, OutboundRequest};
use serde_json::Value;
use shared::{campaign::config::Ai, exchange::Exchange, secret::Sensitive};
use std::time::Duration;

/// The model server that the operator offers to all campaigns. Its client may be laxer than the campaigns' own: the operator may run a
/// model on a private network.
#[derive(Debug, Clone)]
pub struct InstalledModel {
    pub client: DeliveryClient,
    pub base_url: String,
    /// For campaigns that name no model.
    pub model: Option<String>,
    pub key: Option<Sensitive>,
}

/// Where one campaign's questions go.
#[derive(Debug, Clone)]
pub struct ModelServer {
    client: DeliveryClient,
    key: Option<Sensitive>,
    timeout: Duration,
    pub base_url: String,
    pub model: String,
}

impl ModelServer {
    /// The campaign's own server, or else the installation's. `own_key` is the campaign's, opened. The installation's key never goes to a
    /// campaign's own server: whoever writes campaigns could otherwise have it sent anywhere.
    pub fn of(
        ai: &Ai,
        own_key: Option<Sensitive>,
        guarded: &DeliveryClient,
        installed: Option<&InstalledModel>,
    ) -> Option<Self> {
        let timeout = Duration::from_secs(ai.timeout_seconds);
        if let (Some(base_url), Some(model)) = (&ai.base_url, &ai.model) {
            let (client, base_url, model) = (guarded.clone(), base_url.clone(), model.clone());
            return Some(Self { client, key: own_key, timeout, base_url, model });
        }
        let installed = installed?;
        let model = ai.model.clone().or_else(|| installed.model.clone())?;
        let InstalledModel { client, base_url, key, .. } = installed.clone();
        Some(Self { client, key: own_key.or(key), timeout, base_url, model })
    }

    /// Asks once.
    pub async fn ask(&self, body: &Value) -> Exchange {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        if let Some(key) = &self.key {
            headers.push(("authorization".into(), format!("Bearer {}", key.expose())));
        }
        let request = OutboundRequest {
            method: Method::Post,
            url: format!("{}/chat/completions", self.base_url.trim_end_matches('/')),
            headers,
            body: body.to_string().into(),
            timeout: self.timeout,
        };
        self.client.send(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use shared::campaign::guard::GuardPolicy;

    fn server(ai: Value, own_key: Option<&str>, model: Option<&str>) -> Option<ModelServer> {
        let client = DeliveryClient::new(GuardPolicy::default()).unwrap();
        let installed = InstalledModel {
            client: client.clone(),
            base_url: "https://installed.example/v1".into(),
            model: model.map(str::to_owned),
            key: Some("secret".into()),
        };
        let mut whole = json!({"enabled": true});
        whole.as_object_mut().unwrap().extend(ai.as_object().unwrap().clone());
        let ai = serde_json::from_value(whole).unwrap();
        ModelServer::of(&ai, own_key.map(Sensitive::from), &client, Some(&installed))
    }

    #[test]
    fn the_installations_key_goes_to_the_installations_server_only() {
        let own = json!({"baseUrl": "https://own.example/v1", "model": "m"});
        for (ai, own_key, url, model, key) in [
            (own.clone(), None, "https://own.example/v1", "m", None),
            (own, Some("mine"), "https://own.example/v1", "m", Some("mine")),
            (json!({}), None, "https://installed.example/v1", "small", Some("secret")),
            (json!({"model": "big"}), None, "https://installed.example/v1", "big", Some("secret")),
            (json!({}), Some("mine"), "https://installed.example/v1", "small", Some("mine")),
        ] {
            let server = server(ai, own_key, Some("small")).unwrap();
            assert_eq!((server.base_url.as_str(), server.model.as_str()), (url, model));
            assert_eq!(server.key.as_ref().map(Sensitive::expose), key);
        }
        assert!(server(json!({}), None, None).is_none(), "no model is named");
    }
}
