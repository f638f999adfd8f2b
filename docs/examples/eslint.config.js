// Holds schema.graphql to graphql-eslint's rules for Relay and for schemas. Run from the
// top of the repository: eslint -c docs/examples/eslint.config.js schema.graphql
import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: "./schema.graphql" } },
    },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,
      // Lists that do not page are lists (userErrors, goals, transitions), and rows of a statement or a
      // reconciliation have no life of their own.
      "@graphql-eslint/relay-edge-types": ["error", { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false }],
      // A statement's lines are read from the first on.
      "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
      // What has an id implements Node; payloads, edges, money and the like are values.
      "@graphql-eslint/strict-id-in-types": "off",
      // Short descriptions stand on one line, long ones in blocks.
      "@graphql-eslint/description-style": "off",
    },
  },
];
