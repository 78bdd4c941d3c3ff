use super::*;

fn entity() -> EntityId {
    EntityId::account_named("alice@example.com")
}

fn reference() -> Reference {
    Reference::from_random(7)
}

#[test]
fn what_is_written_is_read_again() {
    let allowance = Allowance {
        reference: reference(),
        entity: entity(),
        external_per_hour: Some(9),
        internal_per_hour: None,
        per_day: None,
        granted_at: Timestamp::from_minute(1),
        until: Timestamp::from_minute(2),
        granted_by: "root".into(),
        reason: "newsletter".into(),
    };
    let setting = json!({ "from": 1, "to": 2 });
    let facts = [
        Fact::RestrictionAdded { entity: entity(), reference: reference(), reason: "x".into(), until: None },
        Fact::RestrictionReleased {
            entity: entity(),
            reference: reference(),
            reason: "x".into(),
            made_sure: vec![Recommendation::MultiFactorOn],
            probation_until: Some(Timestamp::from_minute(9)),
            windows_reset: vec![Window::PerDay],
        },
        Fact::AlertRaised { about: STORE.into(), reference: reference(), reason: "x".into(), policy: None },
        Fact::AlertNoted { reference: reference(), entity: None, status: None, becomes: None, comment: "so".into() },
        Fact::PolicyChanged {
            name: "Default".into(),
            revision: Some(3),
            settings: BTreeMap::from([("per_day".into(), setting)]),
        },
        Fact::PolicyRemoved { name: "A".into(), from: Box::default(), revision: None },
        Fact::AlertPolicyAdded { name: "A".into(), to: None },
        Fact::AllowanceGranted { entity: entity(), allowance: Box::new(allowance) },
        Fact::AllowanceEnded { entity: entity() },
        Fact::PersonInvited { address: "a@example.com".into(), role: Role::GlobalReader, again: false },
        Fact::PasskeyAdded { address: "a@example.com".into(), name: "key".into() },
    ];
    for fact in facts {
        let columns = fact.columns();
        assert!(!columns.action.is_empty() && !columns.target.is_empty(), "{columns:?}");
        assert!(columns.detail.get("target").is_none(), "{columns:?}");
        assert_eq!(Fact::read(columns).unwrap(), fact);
    }
}

#[test]
fn entries_of_before_are_read() {
    let read = |action: &str, target: &str, detail| {
        Fact::read(FactColumns { action: action.into(), target: target.into(), detail })
    };
    let raised = read("alert.raise", "alice@example.com", json!({ "reference": reference(), "reason": "x" }));
    assert_eq!(raised.unwrap().entity(), Some(entity()));
    let noted = json!({ "status": "resolved", "comment": "" });
    assert!(read("alert.note", reference().as_str(), noted).unwrap().entity().is_none());
    assert!(read("policy.change", "Default", json!({ "to": { "per_day": 3 } })).is_ok());
    assert!(read("policy.blow-up", "Default", json!({})).is_err());
}
