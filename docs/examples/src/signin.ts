import { type Client, succeeded } from "./client.js";
import { graphql } from "./gql/gql.js";

const SignIn = graphql(`
  mutation SignIn($input: SignInInput!) {
    signIn(input: $input) {
      session { accessToken refreshToken expiresAt }
      userErrors { code field message }
    }
  }
`);

const Refresh = graphql(`
  mutation Refresh($input: RefreshSessionInput!) {
    refreshSession(input: $input) {
      session { accessToken refreshToken expiresAt }
      userErrors { code field message }
    }
  }
`);

export async function signIn(client: Client, email: string, password: string): Promise<string> {
  client.token = ""; // one that is not good any more would be refused
  const { signIn } = await client.ask(SignIn, { input: { email, password } });
  succeeded(signIn.userErrors);
  client.token = signIn.session!.accessToken;
  return signIn.session!.refreshToken;
}

export async function refresh(client: Client, refreshToken: string): Promise<string> {
  client.token = "";
  const { refreshSession } = await client.ask(Refresh, { input: { refreshToken } });
  succeeded(refreshSession.userErrors);
  client.token = refreshSession.session!.accessToken;
  return refreshSession.session!.refreshToken;
}
