// The demo network, as a client without any library sees it.
export const base = process.env.BASE ?? "http://127.0.0.1:8080";

export async function signIn(email) {
  const { data } = await ask(`mutation { signIn(input: { email: "${email}", password: "proofback-demo" }) { session { accessToken } } }`);
  return data.signIn.session.accessToken;
}

export async function ask(query, variables, token) {
  const answer = await fetch(`${base}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json();
}

/** Clicks on the demo's link and buys something. */
export async function sell() {
  const visit = await fetch(`${base}/c/demo`, { redirect: "manual", headers: { "User-Agent": "Mozilla/5.0 (iPhone) Mobile Safari" } });
  const click = visit.headers.get("Location").match(/click_id=(\w+)/)[1];
  const txid = `CLIENTS-${Date.now()}-${Math.random()}`;
  const sale = await fetch(`${base}/postback?click_id=${click}&event_type=sale&txid=${txid}&amount=49.90&currency=EUR`);
  return { txid, ...(await sale.json()) };
}

const sales = [];

/** Sells until somebody was told of it: a subscription may not stand yet when the first sale is made. */
export async function sellUntil(told) {
  const selling = setInterval(() => sales.push(sell()), 300);
  try {
    const change = await told;
    const made = await Promise.all(sales); // word of a sale may come before its answer
    return { change, sale: made.find((s) => s.txid === change.transactionId) };
  } finally {
    clearInterval(selling);
  }
}

export const list = "query List($first: Int) { conversions(first: $first) { edges { node { id status offer { id name } } } pageInfo { hasNextPage endCursor } } }";
export const changes = "subscription Changes($after: String) { conversionChanged(after: $after) { id transactionId status changeCursor revenue { amount } } }";
