// GraphiQL with a field for the access token, which every request carries. The
// token is kept for this tab alone.
'use strict';

const welcome = `# Sign in above, or paste an access token, then run this.
# Everything that can be asked is in the Docs panel on the left.

query Welcome {
  viewer {
    email
    role
    affiliate { id name }
    advertiser { id name }
  }
  offers(first: 5) {
    totalCount
    edges {
      node {
        id
        name
        status
        advertiser { name }
        goals { eventType payout { model amount percent currency } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`;

const byId = (id) => document.getElementById(id);
const token = byId('token');
token.value = sessionStorage.getItem('token') ?? '';

async function post(body, headers = {}) {
  const bearer = token.value.trim();
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: {
      ...headers,
      'Content-Type': 'application/json',
      ...(bearer && { Authorization: `Bearer ${bearer}` }),
    },
    body: JSON.stringify(body),
  });
  return response.json();
}

async function showViewer() {
  sessionStorage.setItem('token', token.value.trim());
  const who = byId('who');
  if (!token.value.trim()) {
    who.textContent = 'not signed in';
    return;
  }
  const answer = await post({ query: '{ viewer { email role } }' });
  const viewer = answer.data?.viewer;
  who.textContent = viewer ? `${viewer.email ?? 'unknown user'} (${viewer.role})` : answer.errors?.[0]?.message ?? 'not signed in';
}

byId('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  token.value = '';
  const answer = await post({
    query: `mutation($input: SignInInput!) {
      signIn(input: $input) { session { accessToken } userErrors { message } }
    }`,
    variables: { input: { email: byId('email').value, password: byId('password').value } },
  });
  const signedIn = answer.data?.signIn;
  if (!signedIn?.session) {
    byId('who').textContent = signedIn?.userErrors[0]?.message ?? answer.errors?.[0]?.message ?? 'signing in failed';
    return;
  }
  byId('password').value = '';
  token.value = signedIn.session.accessToken;
  await showViewer();
});
token.addEventListener('change', showViewer);
showViewer();

ReactDOM.createRoot(byId('graphiql')).render(
  React.createElement(GraphiQL, {
    fetcher: (body, options) => post(body, options?.headers),
    defaultQuery: welcome,
  }),
);
