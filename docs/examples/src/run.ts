// Runs every example against a server with the demo network, and says what came of it.
import assert from "node:assert/strict";
import { Client } from "./client.js";
import { graphql } from "./gql/gql.js";
import { approved } from "./list.js";
import { all } from "./page.js";
import { byOffer } from "./report.js";
import { refresh, signIn } from "./signin.js";
import { changes } from "./subscribe.js";
import { story } from "./trace.js";
import { reconcile } from "./upload.js";

const Approve = graphql(`
  mutation Approve($input: ApproveConversionsInput!) {
    approveConversions(input: $input) {
      conversions { id status }
      userErrors { message }
    }
  }
`);

const Advertisers = graphql(`
  query Advertisers {
    advertisers(first: 1) { edges { node { id name } } }
  }
`);

const base = process.env.BASE ?? "http://127.0.0.1:8080";
const month = 30 * 24 * 3600 * 1000;
const [from, to] = [new Date(Date.now() - month).toISOString(), new Date(Date.now() + 3600_000).toISOString()];

const manager = new Client(base);
const token = await signIn(manager, "manager@demo.example", "proofback-demo");
await refresh(manager, token);
await assert.rejects(refresh(manager, token), /good/); // it works once
await signIn(manager, "manager@demo.example", "proofback-demo");

const conversions = await approved(manager, from);
assert(conversions.length > 0 && conversions.every((c) => c.status === "APPROVED"));
console.log(`list: ${conversions.length} approved conversions, the newest of ${conversions[0]!.offer.name}`);

let [pages, ids] = [0, new Set<string>()];
for await (const conversion of all(manager)) {
  pages++;
  ids.add(conversion.id);
}
assert(ids.size === pages && pages > 50);
console.log(`page: ${pages} conversions, each once`);

const fjell = new Client(base);
await signIn(fjell, "fjell@demo.example", "proofback-demo");
const click = (await fetch(`${base}/c/demo`, { redirect: "manual", headers: { "User-Agent": "Mozilla/5.0 (iPhone) Mobile Safari" } })).headers
  .get("Location")!
  .match(/click_id=(\w+)/)![1]!;
const live = changes(fjell);
const first = live.next();
// Until the subscription stands there is nobody to tell: the sale is told of again as it is approved.
const sale = (await (await fetch(`${base}/postback?click_id=${click}&event_type=sale&txid=EXAMPLE-${Date.now()}&amount=49.90&currency=EUR`)).json()) as { conversion_id: string };
const approving = setInterval(() => void manager.ask(Approve, { input: { ids: [sale.conversion_id] } }), 500);
const told = (await first).value!;
clearInterval(approving);
assert.equal(told.id, sale.conversion_id);
const again = changes(fjell, told.changeCursor);
if (told.status === "PENDING") {
  await manager.ask(Approve, { input: { ids: [told.id] } });
  assert.equal((await again.next()).value!.status, "APPROVED");
}
console.log(`subscribe: ${told.transactionId} is ${told.status}`);

const lines = await story(fjell, click);
assert(lines.some((line) => line.includes("CLICK")) && lines.some((line) => line.includes("POSTBACK")));
console.log(`trace: ${lines.length} lines, first ${lines[0]}`);

const report = await byOffer(manager, from, to);
assert(report.rows.length > 0 && report.totals.payout!.currency === "NOK");
console.log(`report: ${report.rows.length} offers, ${report.totals.payout!.amount} NOK to affiliates`);

const advertiser = (await manager.ask(Advertisers)).advertisers.edges[0]!.node;
const result = await reconcile(manager, advertiser.id, from, to, "txid,event_type,amount,currency\nNOT-KNOWN-1,sale,10.00,EUR\n");
assert.equal(result.status, "DONE", result.error ?? "");
assert(result.summary.some((row) => row.kind === "MISSING_HERE"));
console.log(`upload: ${result.summary.map((row) => `${row.count} ${row.kind}`).join(", ")}`);
process.exit(0);
