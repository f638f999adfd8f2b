// The audits of the GraphQL over HTTP specification.
import assert from "node:assert/strict";
import test from "node:test";
import { serverAudits } from "graphql-http";
import { base } from "./demo.mjs";

// SHOULDs that are not met, by id, each with its reason. There is none.
const unmet = {};

for (const audit of serverAudits({ url: `${base}/graphql` })) {
  test(`${audit.id} ${audit.name}`, async () => {
    const result = await audit.fn();
    if (audit.name.startsWith("MAY") || audit.id in unmet) {
      return;
    }
    assert.equal(result.status, "ok", result.reason);
  });
}
