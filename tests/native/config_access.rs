//! Which providers are on, where, with which key; and that no key is ever shown.

use opengateway::catalog::lookup::Catalog;
use opengateway::config::{AI_BINDING_VAR, BaseUrlError, Builtin, Config, parse_base_url};
use proptest::prelude::*;

use crate::config_fixture::{Vars, config, refusal};

#[test]
fn a_provider_is_on_when_what_it_needs_is_set() {
    let groq = ("https://api.groq.com/openai/v1", Some("gsk"));
    type Access = Option<(&'static str, Option<&'static str>)>;
    let cases: [(Vars<'_>, &str, Access); 12] = [
        (&[], "groq", None),
        (&[("GROQ_API_KEY", "")], "groq", None),
        (&[("GROQ_API_KEY", "gsk")], "groq", Some(groq)),
        (&[("GROQ_API_KEY", " gsk\n")], "groq", Some(groq)),
        (&[("GROQ_KEY", "gsk")], "groq", Some(groq)),
        (&[("GROQ_KEY", "second"), ("GROQ_API_KEY", "gsk")], "groq", Some(groq)),
        (&[("GROQ_BASE_URL", "https://proxy.example/v1")], "groq", None),
        (
            &[("GROQ_API_KEY", "gsk"), ("GROQ_BASE_URL", "https://Proxy.example/v1/")],
            "groq",
            Some(("https://proxy.example/v1", Some("gsk"))),
        ),
        (&[], "ollama", None),
        (&[("OLLAMA_BASE_URL", "http://localhost:9/v1")], "ollama", Some(("http://localhost:9/v1", None))),
        (&[("OLLAMA_API_KEY", "k")], "ollama", Some(("http://localhost:11434/v1", Some("k")))),
        (
            &[("AZURE_API_KEY", "k"), ("AZURE_BASE_URL", "https://x.openai.azure.com")],
            "azure",
            Some(("https://x.openai.azure.com", Some("k"))),
        ),
    ];
    for (vars, provider, expected) in cases {
        let config = config(vars).unwrap();
        let access = config.access(provider);
        let found = access.map(|access| (access.base_url.as_str(), access.key.as_ref().map(|key| key.expose())));
        assert_eq!(found, expected, "{vars:?}");
        assert_eq!(config.providers_on().any(|id| id == provider), expected.is_some());
    }
    assert_eq!(
        refusal(&[("AZURE_API_KEY", "k")]),
        "the provider `azure` has a key but no address; set AZURE_BASE_URL to its base URL"
    );
}

#[test]
fn a_bad_address_is_told_even_while_the_provider_is_off() {
    assert_eq!(
        refusal(&[("GROQ_BASE_URL", "http://proxy.example/v1")]),
        "GROQ_BASE_URL: `proxy.example` is not this machine, so its base URL must begin with `https://`"
    );
}

#[test]
fn a_key_that_could_break_out_of_its_header_is_refused_unseen() {
    for var in ["GROQ_API_KEY", "GATEWAY_API_KEY"] {
        for key in
            ["s3cret\r\nx: y", "s3cret key", "s3cret\tkey", "s3cret\0", "s3cret\u{7f}", "s3crét", "s3cret\u{a0}x"]
        {
            let error = config(&[(var, key)]).unwrap_err();
            for text in [error.to_string(), format!("{error:?}")] {
                assert!(text.contains(var) && !text.contains("s3cr"), "{text}");
            }
        }
    }
}

#[test]
fn no_secret_is_in_what_is_printed() {
    let json = r#"{"providers": {"mine": {"base_url": "https://mine.example", "key": "MY_KEY"}}}"#;
    let config = config(&[
        ("GATEWAY_API_KEY", "gw-s3cret,other-s3cret"),
        ("GROQ_API_KEY", "gsk-s3cret"),
        ("GATEWAY_CONFIG", json),
        ("MY_KEY", "mine-s3cret"),
    ])
    .unwrap();
    for printed in [format!("{config:?}"), format!("{config:#?}"), format!("{:?}", config.access("mine"))] {
        assert!(printed.contains("Secret(***)"), "{printed}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }
    assert!(!format!("{:?}", config.api_keys).contains(|digit: char| digit.is_ascii_digit()), "no digest either");
}

#[test]
fn an_address_in_a_message_does_not_show_its_password() {
    for url in [
        "https://me:s3cret@host/v1",
        "https://host/v1?key=s3cret",
        "https://host/v1#s3cret",
        "s3cret",
        "https://s3cret:x@",
    ] {
        let error = config(&[("GROQ_BASE_URL", url)]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
    }
}

#[test]
fn addresses_that_are_taken() {
    for (text, url) in [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/", "https://api.example.com"),
        ("HTTPS://API.Example.com/V1//", "https://api.example.com/V1"),
        ("https://api.example.com:8443/v1", "https://api.example.com:8443/v1"),
        ("https://my_host/v1", "https://my_host/v1"),
        ("https://xn--bcher-kva.example/v1", "https://xn--bcher-kva.example/v1"),
        ("https://1.2.3.4/v1", "https://1.2.3.4/v1"),
        ("https://[2001:DB8::1]/v1", "https://[2001:db8::1]/v1"),
        ("https://api.example.com/a%20b/@cf/x:y", "https://api.example.com/a%20b/@cf/x:y"),
        ("https://127.0.0.1.evil.com", "https://127.0.0.1.evil.com"),
        ("http://localhost", "http://localhost"),
        ("http://LOCALHOST:8000/v1/", "http://localhost:8000/v1"),
        ("http://vllm.localhost:8000", "http://vllm.localhost:8000"),
        ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
        ("http://127.255.255.254/v1", "http://127.255.255.254/v1"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
    ] {
        assert_eq!(parse_base_url(text).as_deref(), Ok(url), "{text}");
    }
}

#[test]
fn addresses_that_are_refused() {
    use BaseUrlError as E;
    let plain = |host: &str| E::PlainHttp { host: host.to_owned() };
    let long_label = format!("https://{}.com", "a".repeat(64));
    let long_host = format!("https://{}com", "abcdefgh.".repeat(30));
    for (text, problem) in [
        ("", E::Scheme),
        ("api.example.com/v1", E::Scheme),
        ("//api.example.com", E::Scheme),
        ("://api.example.com", E::Scheme),
        ("ftp://api.example.com", E::Scheme),
        ("javascript:alert(1)", E::Scheme),
        ("https:api.example.com", E::Scheme),
        ("https:/api.example.com", E::Scheme),
        ("https:///x", E::Host),
        ("https://", E::Host),
        ("https://:443", E::Host),
        ("https://-a.com", E::Host),
        ("https://a-.com", E::Host),
        ("https://a..com", E::Host),
        ("https://.com", E::Host),
        ("https://a.com.", E::Host),
        ("https://a%2ecom", E::Host),
        ("https://a,b.com", E::Host),
        ("https://*.com", E::Host),
        (&long_label, E::Host),
        (&long_host, E::Host),
        ("http://127.1", E::Host),
        ("http://0177.0.0.1", E::Host),
        ("http://0x7f.0.0.1", E::Host),
        ("http://0x7f000001", E::Host),
        ("http://a.0x", E::Host),
        ("http://2130706433", E::Host),
        ("http://127.0.0.256", E::Host),
        ("http://127.0.0.1.", E::Host),
        ("http://localhost.", E::Host),
        ("http://.localhost", E::Host),
        ("http://::1", E::Port),
        ("http://[::1", E::Host),
        ("http://[::1]x", E::Host),
        ("http://[::1].evil.com", E::Host),
        ("http://[::1%25lo]", E::Host),
        ("http://[]", E::Host),
        ("http://[localhost]", E::Host),
        ("http://127.0.0.1.evil.com", plain("127.0.0.1.evil.com")),
        ("http://localhost.evil.com", plain("localhost.evil.com")),
        ("http://notlocalhost", plain("notlocalhost")),
        ("http://api.example.com", plain("api.example.com")),
        ("http://128.0.0.1", plain("128.0.0.1")),
        ("http://0.0.0.0", plain("0.0.0.0")),
        ("http://[::ffff:127.0.0.1]", plain("[::ffff:127.0.0.1]")),
        ("http://[::2]", plain("[::2]")),
        ("http://127.0.0.1@evil.com", E::UserInfo),
        ("http://localhost:80@evil.com", E::UserInfo),
        ("https://@evil.com", E::UserInfo),
        ("https://me:pw@api.example.com", E::UserInfo),
        ("http://localhost:80:80", E::Port),
        ("http://localhost:", E::Port),
        ("http://localhost:0", E::Port),
        ("http://localhost:65536", E::Port),
        ("http://localhost:+80", E::Port),
        ("http://localhost:8o", E::Port),
        ("http://[::1]:", E::Port),
        ("http://[::1]:80:80", E::Port),
        ("https://a.com?x", E::Query),
        ("https://a.com/v1?x=1", E::Query),
        ("http://evil.com?@localhost", E::Query),
        ("https://a.com#x", E::Fragment),
        ("http://evil.com#@localhost/", E::Fragment),
        ("https://a.com/%", E::Percent),
        ("https://a.com/%2", E::Percent),
        ("https://a.com/%zz", E::Percent),
        ("https://a.com/v1/chat/completions", E::IncludesEndpoint),
        ("https://a.com/v1/chat/completions/", E::IncludesEndpoint),
        (" https://a.com", E::Character(' ')),
        ("https://a.com/v 1", E::Character(' ')),
        ("https://a.com/\tv1", E::Character('\t')),
        ("https://a.com\r\nHost: b.com", E::Character('\r')),
        ("https://a.com\\@b.com", E::Character('\\')),
        ("http:\\\\localhost", E::Character('\\')),
        ("https://bücher.example", E::Character('ü')),
        ("http://ⓛocalhost", E::Character('ⓛ')),
        ("http://127。0。0。1", E::Character('。')),
        ("https://a.com/\u{200b}", E::Character('\u{200b}')),
        ("https://a.com/{id}", E::Character('{')),
    ] {
        assert_eq!(parse_base_url(text), Err(problem), "{text}");
    }
}

proptest! {
    #[test]
    fn an_address_that_was_taken_is_taken_again_as_it_is(text in "(https?://)?[a-z0-9.:/@\\[\\]%?#-]{0,20}") {
        if let Ok(url) = parse_base_url(&text) {
            prop_assert_eq!(parse_base_url(&url), Ok(url.clone()));
            prop_assert!(!url.ends_with('/') && url.is_ascii());
        }
    }
}

fn url(vars: Vars<'_>, provider: &str, model: &str) -> String {
    let catalog = Catalog::builtin();
    let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let config = Config::from_vars(&var, Builtin::from(&catalog)).unwrap();
    let spec = catalog.provider(provider).or_else(|| config.catalog.providers.iter().find(|spec| spec.id == provider));
    config.access(provider).unwrap().url(spec.unwrap(), model)
}

#[test]
fn each_provider_is_asked_where_its_endpoint_is() {
    let azure = [("AZURE_OPENAI_API_KEY", "k"), ("AZURE_RESOURCE_NAME", "my-res")];
    let versioned = [azure[0], azure[1], ("AZURE_OPENAI_API_VERSION", "2024-10-21")];
    let at_base = [azure[0], ("AZURE_OPENAI_BASE_URL", "https://eu.example.com/"), versioned[2]];
    let own = r#"{"providers": {"eu": {"base_url": "https://eu.openai.azure.com", "endpoint": "azure",
        "api_version": "2025-04-01-preview"}}}"#;
    let copied = [azure[0], ("AZURE_OPENAI_BASE_URL", "https://eu.example.com/openai/v1/")];
    let cases: [(Vars<'_>, &str, &str, &str); 10] = [
        (&copied, "azure", "mine", "https://eu.example.com/openai/v1/chat/completions"),
        (&[("GROQ_API_KEY", "k")], "groq", "m", "https://api.groq.com/openai/v1/chat/completions"),
        (&azure, "azure", "gpt-5.5", "https://my-res.openai.azure.com/openai/v1/chat/completions"),
        (
            &versioned,
            "azure",
            "gpt-5.5",
            "https://my-res.openai.azure.com/openai/deployments/gpt-5.5/chat/completions?api-version=2024-10-21",
        ),
        (
            &versioned,
            "azure",
            "../x?y é",
            "https://my-res.openai.azure.com/openai/deployments/..%2Fx%3Fy%20%C3%A9/chat/completions?api-version=2024-10-21",
        ),
        (
            &at_base,
            "azure",
            "..",
            "https://eu.example.com/openai/deployments/%2E%2E/chat/completions?api-version=2024-10-21",
        ),
        (
            &[("GATEWAY_CONFIG", own)],
            "eu",
            "mine",
            "https://eu.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2025-04-01-preview",
        ),
        (
            &[("WORKERS_AI_API_KEY", "k"), ("CLOUDFLARE_ACCOUNT_ID", "0123abc")],
            "workers-ai",
            "@cf/m",
            "https://api.cloudflare.com/client/v4/accounts/0123abc/ai/v1/chat/completions",
        ),
        (&[(AI_BINDING_VAR, "bound")], "workers-ai", "@cf/m", "binding:AI/@cf/m"),
        (
            &[(AI_BINDING_VAR, "bound"), ("WORKERS_AI_API_KEY", "k"), ("CLOUDFLARE_ACCOUNT_ID", "0123abc")],
            "workers-ai",
            "@cf/m",
            "https://api.cloudflare.com/client/v4/accounts/0123abc/ai/v1/chat/completions",
        ),
    ];
    for (vars, provider, model, wanted) in cases {
        assert_eq!(url(vars, provider, model), wanted);
    }
}

#[test]
fn an_address_made_of_a_variable_is_checked() {
    let refused = |vars: Vars<'_>| {
        let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_vars(&var, Builtin::from(&Catalog::builtin())).unwrap_err().to_string()
    };
    let key = ("AZURE_OPENAI_API_KEY", "k");
    for (vars, words) in [
        (&[key] as Vars<'_>, "AZURE_RESOURCE_NAME or AZURE_OPENAI_BASE_URL"),
        (&[key, ("AZURE_RESOURCE_NAME", "evil.test/")], "letters, digits and hyphens"),
        (&[key, ("AZURE_RESOURCE_NAME", "r"), ("AZURE_OPENAI_API_VERSION", "2024&x=1")], "AZURE_OPENAI_API_VERSION"),
    ] {
        let message = refused(vars);
        assert!(message.contains(words), "{message}");
    }
}
