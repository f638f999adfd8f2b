// Package transport speaks GraphQL with clients: over HTTP, as the GraphQL over HTTP
// specification says (https://graphql.github.io/graphql-over-http/draft/), over
// server-sent events (graphql-sse, distinct connections mode:
// https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md), and over WebSocket
// (graphql-transport-ws:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). What an operation
// means is the executor's part, who may ask that of the functions in Config.
package transport
