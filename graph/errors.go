package graph

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/proofback/proofback"
	"github.com/proofback/proofback/graph/model"
)

// codeComplexity is the one code that only GraphQL has.
const codeComplexity = "COMPLEXITY_LIMIT_EXCEEDED"

// ownCodes are those that errors of this package bring along.
var ownCodes = []string{codeComplexity, codeNotPersisted, "RATE_LIMITED", "FORBIDDEN"}

// extensionCodes says how a code of ours reads in extensions.code. What is not
// in it is INTERNAL.
var extensionCodes = map[proofback.Code]string{
	proofback.CodeInvalid:         "BAD_USER_INPUT",
	proofback.CodeNotFound:        "NOT_FOUND",
	proofback.CodeConflict:        "CONFLICT",
	proofback.CodeForbidden:       "FORBIDDEN",
	proofback.CodeUnauthenticated: "UNAUTHENTICATED",
	proofback.CodeRateLimited:     "RATE_LIMITED",
}

// userErrors takes apart what a mutation's Store method said: mistakes of the
// caller go into the payload, the rest stays an error of the request.
func userErrors(err error) ([]*model.UserError, error) {
	if err == nil {
		return []*model.UserError{}, nil
	}
	var list proofback.Problems
	if !errors.As(err, &list) {
		e, ok := errors.AsType[*proofback.Error](err)
		if !ok {
			return nil, err
		}
		list = proofback.Problems{e}
	}
	out := make([]*model.UserError, len(list))
	for i, e := range list {
		switch e.Code {
		case proofback.CodeInvalid, proofback.CodeNotFound, proofback.CodeConflict:
			out[i] = userError(e)
		default:
			return nil, err
		}
	}
	return out, nil
}

func userError(e *proofback.Error) *model.UserError {
	field := e.Field
	if field == nil {
		field = []string{}
	}
	return &model.UserError{Code: e.Code, Field: field, Message: e.Message}
}

// present makes what a caller is told of an error: its code, a safe sentence
// and, for a fault of ours, only the request's id, under which the log has it.
func (r *Resolver) present(ctx context.Context, err error) *gqlerror.Error {
	shown := graphql.DefaultErrorPresenter(ctx, err)
	if e, ok := errors.AsType[*proofback.Error](err); ok {
		if code, ok := extensionCodes[e.Code]; ok {
			shown.Message = e.Message
			if list, ok := errors.AsType[proofback.Problems](err); ok {
				shown.Message = list.Error() // how many more there are
			}
			shown.Extensions = map[string]any{"code": code}
			if len(e.Field) > 0 {
				shown.Extensions["field"] = e.Field
			}
			return shown
		}
		return r.internal(ctx, shown, e.Message, err)
	}
	// gqlgen's and gqlparser's own: parsing, validation, coercion, limits.
	if own, ok := errors.AsType[*gqlerror.Error](err); ok {
		code, _ := own.Extensions["code"].(string)
		if !slices.Contains(ownCodes, code) {
			code = "BAD_USER_INPUT"
		}
		if !r.Limits.Introspection.open(ctx) {
			shown.Message = withoutHints(shown.Message)
		}
		shown.Extensions = map[string]any{"code": code}
		return shown
	}
	return r.internal(ctx, shown, "something went wrong on our side", err)
}

// internal hides a fault of ours and logs it, once.
func (r *Resolver) internal(ctx context.Context, shown *gqlerror.Error, message string, err error) *gqlerror.Error {
	id := ActorFrom(ctx).RequestID
	if !errors.Is(err, context.Canceled) {
		r.log().ErrorContext(ctx, "graphql_failed", "request_id", id, "path", shown.Path.String(), "error", err)
	}
	shown.Message = message
	shown.Extensions = map[string]any{"code": string(proofback.CodeInternal), "requestId": id}
	return shown
}

func (r *Resolver) log() *slog.Logger {
	if r.Log == nil {
		return slog.Default()
	}
	return r.Log
}
