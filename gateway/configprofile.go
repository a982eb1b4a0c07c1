package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"passerelle/gateway/policy"
)

// maxPassback is the longest time within which the same credential may be kept from entering again.
const maxPassback = 24 * time.Hour

// apply changes a built-in profile into the operator's own.
func (o *profileConfig) apply(p *policy.Profile) error {
	p.IgnoreKeyExpired = p.IgnoreKeyExpired || o.IgnoreKeyExpired
	p.AdmitStale = p.AdmitStale || o.AdmitStaleList
	p.Reentry = p.Reentry || o.Reentry
	if o.AdmitUnsigned != nil {
		p.AdmitUnsigned = *o.AdmitUnsigned
	}
	if p.Passback = time.Duration(o.Passback); p.Passback < 0 || p.Passback > maxPassback {
		return fmt.Errorf("passback: %v is not within 0s and %v", p.Passback, maxPassback)
	}
	if err := o.applyKinds(p); err != nil {
		return err
	}
	for _, name := range o.Require {
		check, ok := policy.ParseCheck(name)
		if !ok || check != policy.Revocation { // the others follow from the kind, or nothing here could pass them
			return fmt.Errorf("require: %q cannot be asked for; revocation can", name)
		}
		p.Require |= policy.Checks(check)
	}
	for _, name := range o.Deny {
		reason, ok := policy.ParseReason(name)
		if !ok || policy.DefaultOutcome(reason) != policy.Refer {
			return fmt.Errorf("deny: %q is no reason that asks a person", name)
		}
		if reason == policy.SecondDocumentMissing {
			return fmt.Errorf("deny: %q is what each first document is until the second one is shown: nobody would get in", name)
		}
		p.Tighten[reason] = true
	}
	return nil
}

func (o *profileConfig) applyKinds(p *policy.Profile) error {
	var err error
	if o.Accept != nil {
		if p.Accept, err = kindSet(o.Accept); err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		if p.Accept == 0 {
			return errors.New("accept: nothing would be admitted")
		}
	}
	if o.Once != nil {
		if p.Once, err = kindSet(o.Once); err != nil {
			return fmt.Errorf("once: %w", err)
		}
	}
	if o.Needs == nil {
		return nil
	}
	p.Needs = [policy.NumKinds]policy.KindSet{}
	for _, name := range slices.Sorted(maps.Keys(o.Needs)) {
		kind, ok := policy.ParseKind(name)
		if !ok || !p.Accept.Has(kind) {
			return fmt.Errorf("needs: %q is no kind that is accepted here", name)
		}
		if p.Needs[kind], err = kindSet(o.Needs[name]); err != nil {
			return fmt.Errorf("needs.%s: %w", name, err)
		}
		if p.Needs[kind].Has(kind) {
			return fmt.Errorf("needs.%s: a document cannot need one of its own kind", name)
		}
	}
	return nil
}

// kindSet reads kinds that can be admitted, or shown beside others.
func kindSet(names []string) (policy.KindSet, error) {
	var set policy.KindSet
	for _, name := range names {
		kind, ok := policy.ParseKind(name)
		if !ok || !policy.Admissible.Has(kind) {
			return 0, fmt.Errorf("no kind that is read here is named %q: want %s", name, kindNames())
		}
		set |= policy.Kinds(kind)
	}
	return set, nil
}

func kindNames() string {
	var names []string
	for kind := range policy.NumKinds {
		if policy.Admissible.Has(kind) {
			names = append(names, kind.String())
		}
	}
	return strings.Join(names, ", ")
}

func noProfile(name string) error {
	return fmt.Errorf("profile %q: there is none of that name, want one of %s, or one of [profiles]", name, profileNames())
}

// profileNames lists the built-in profiles that a gate may run under.
func profileNames() string {
	var names []string
	for _, p := range policy.BuiltIn() {
		if p.Production {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}
