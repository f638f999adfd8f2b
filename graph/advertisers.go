package graph

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

func (q *query) Advertisers(ctx context.Context, first *int, after *string, last *int, before *string, filter *model.AdvertiserFilter) (*model.AdvertiserConnection, error) {
	p, err := page(first, after, last, before)
	if err != nil {
		return nil, err
	}
	in := orZero(filter)
	w, err := q.Store.Advertisers(ctx, ActorFrom(ctx), proofback.PartnerFilter{Search: orZero(in.Search), Status: orZero(in.Status)}, p)
	if err != nil {
		return nil, err
	}
	rows, info := edges(p, w,
		func(a *proofback.Advertiser) proofback.Cursor { return proofback.Cursor{ID: a.ID} },
		func(cursor string, a *proofback.Advertiser) *model.AdvertiserEdge {
			return &model.AdvertiserEdge{Cursor: cursor, Node: showAdvertiser(a, q.PublicURL)}
		})
	return &model.AdvertiserConnection{Edges: rows, PageInfo: info}, nil
}

func (m *mutation) CreateAdvertiser(ctx context.Context, in model.CreateAdvertiserInput) (*model.CreateAdvertiserPayload, error) {
	a := proofback.Advertiser{
		Name:             in.Name,
		Currency:         orZero(in.Currency),
		TimeZone:         orZero(in.TimeZone),
		ParameterMapping: values(in.ParameterMapping),
		StatusMapping:    values(in.StatusMapping),
		AnswerAlways200:  orZero(in.AnswerAlways200),
	}
	var problems proofback.Problems
	readSecurity(in.Security, &problems)(&a)
	made, secret, err := (*proofback.Advertiser)(nil), "", problems.Err()
	if err == nil {
		made, secret, err = m.Store.CreateAdvertiser(ctx, ActorFrom(ctx), a)
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.CreateAdvertiserPayload{UserErrors: mistakes}, err
	}
	return &model.CreateAdvertiserPayload{Advertiser: showAdvertiser(made, m.PublicURL), Secret: &secret, UserErrors: mistakes}, nil
}

func (m *mutation) UpdateAdvertiser(ctx context.Context, in model.UpdateAdvertiserInput) (*model.UpdateAdvertiserPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAdvertiser, in.ID, "id")
	putSecurity := readSecurity(in.Security, &ids.problems)
	a, err := (*proofback.Advertiser)(nil), ids.err()
	if err == nil {
		a, err = m.Store.UpdateAdvertiser(ctx, ActorFrom(ctx), id, func(a *proofback.Advertiser) {
			a.Name = orElse(in.Name, a.Name)
			a.Status = orElse(in.Status, a.Status)
			a.Currency = orElse(in.Currency, a.Currency)
			a.TimeZone = orElse(in.TimeZone, a.TimeZone)
			a.AnswerAlways200 = orElse(in.AnswerAlways200, a.AnswerAlways200)
			putSecurity(a)
			if in.ParameterMapping != nil {
				a.ParameterMapping = values(in.ParameterMapping)
			}
			if in.StatusMapping != nil {
				a.StatusMapping = values(in.StatusMapping)
			}
		})
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.UpdateAdvertiserPayload{UserErrors: mistakes}, err
	}
	return &model.UpdateAdvertiserPayload{Advertiser: showAdvertiser(a, m.PublicURL), UserErrors: mistakes}, nil
}

func (m *mutation) RotateAdvertiserSecret(ctx context.Context, in model.RotateAdvertiserSecretInput) (*model.RotateAdvertiserSecretPayload, error) {
	var ids idReader
	id := ids.one(proofback.KindAdvertiser, in.ID, "id")
	a, secret, err := (*proofback.Advertiser)(nil), "", ids.err()
	if err == nil {
		a, secret, err = m.Store.RotateAdvertiserSecret(ctx, ActorFrom(ctx), id, minutes(in.KeepOldFor))
	}
	mistakes, err := userErrors(err)
	if err != nil || len(mistakes) > 0 {
		return &model.RotateAdvertiserSecretPayload{UserErrors: mistakes}, err
	}
	return &model.RotateAdvertiserSecretPayload{Advertiser: showAdvertiser(a, m.PublicURL), Secret: &secret, UserErrors: mistakes}, nil
}

// readSecurity reads how postbacks prove who sent them, and gives what puts it
// into an advertiser; what is left out stays as it is there.
func readSecurity(in *model.AdvertiserSecurityInput, problems *proofback.Problems) func(*proofback.Advertiser) {
	if in == nil {
		return func(*proofback.Advertiser) {}
	}
	var ranges []netip.Prefix
	for i, text := range in.AllowedIps {
		prefix, err := parseRange(strings.TrimSpace(text))
		if err != nil {
			problems.Add([]string{"security", "allowedIps", strconv.Itoa(i)}, "%.60q is not an address or CIDR range: send 203.0.113.0/24", text)
		}
		ranges = append(ranges, prefix)
	}
	return func(a *proofback.Advertiser) {
		a.Security = orElse(in.Mode, a.Security)
		if in.AllowedIps != nil {
			a.AllowedIPs = ranges
		}
	}
}

// parseRange reads a CIDR range, or one address as a range of itself.
func parseRange(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		p, err := netip.ParsePrefix(s)
		return proofback.PlainRange(p), err
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// showAdvertiser is an advertiser as the API shows it. One whose Security is ""
// is the public side alone.
func showAdvertiser(a *proofback.Advertiser, publicURL string) *model.Advertiser {
	out := &model.Advertiser{
		ID:        proofback.GlobalID(proofback.KindAdvertiser, a.ID),
		Name:      a.Name,
		Status:    a.Status,
		Currency:  a.Currency,
		TimeZone:  a.TimeZone,
		CreatedAt: a.CreatedAt,
	}
	if a.Security == "" {
		return out
	}
	out.Security = &model.AdvertiserSecurity{Mode: a.Security, AllowedIps: make([]string, len(a.AllowedIPs))}
	for i, prefix := range a.AllowedIPs {
		out.Security.AllowedIps[i] = prefix.String()
	}
	out.ParameterMapping, out.StatusMapping = pointers(a.ParameterMapping), pointers(a.StatusMapping)
	url := a.PostbackURL(publicURL)
	out.AnswerAlways200, out.PostbackURL = &a.AnswerAlways200, &url
	return out
}

// advertiser answers a relation that every row has.
func advertiser(ctx context.Context, publicURL string, id uuid.UUID) (*model.Advertiser, error) {
	a, err := load(ctx, loadersFrom(ctx).advertisers, "advertiser", id)
	if err != nil {
		return nil, err
	}
	return showAdvertiser(a, publicURL), nil
}

// values and pointers turn a list of the one into a list of the other; never nil.
func values[T any](list []*T) []T {
	out := make([]T, len(list))
	for i, v := range list {
		out[i] = *v
	}
	return out
}

func pointers[T any](list []T) []*T {
	out := make([]*T, len(list))
	for i := range list {
		out[i] = &list[i]
	}
	return out
}
