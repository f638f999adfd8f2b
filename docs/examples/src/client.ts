import type { TypedDocumentString } from "./gql/graphql.js";

/** Asks Proofback's GraphQL API; what comes back has the types of the operation. */
export class Client {
  token = "";

  constructor(readonly base: string) {}

  async ask<Result, Variables>(
    operation: TypedDocumentString<Result, Variables>,
    ...[variables]: Variables extends Record<string, never> ? [] : [Variables]
  ): Promise<Result> {
    const answer = await fetch(`${this.base}/graphql`, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json;q=0.9",
        ...this.authorization(),
      },
      body: JSON.stringify({ query: operation.toString(), variables }),
    });
    const { data, errors } = (await answer.json()) as { data?: Result; errors?: { message: string }[] };
    if (!data || errors?.length) {
      throw new Error(`${answer.status} ${answer.headers.get("X-Request-Id")}: ${errors?.map((e) => e.message).join("; ")}`);
    }
    return data;
  }

  authorization(): Record<string, string> {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }
}

/** Throws what a mutation says of its input. */
export function succeeded(problems: { message: string }[]): void {
  if (problems.length > 0) {
    throw new Error(problems.map((p) => p.message).join("; "));
  }
}
