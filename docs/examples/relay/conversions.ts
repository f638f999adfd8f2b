// What relay-compiler is given: a connection that pages, a node that refetches, and a
// subscription, as a Relay application has them.
declare function graphql(text: TemplateStringsArray): unknown;

export const list = graphql`
  fragment conversions_list on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 50 }, after: { type: "String" }, filter: { type: "ConversionFilter" })
  @refetchable(queryName: "conversionsPageQuery") {
    conversions(first: $first, after: $after, filter: $filter) @connection(key: "conversions_conversions") {
      edges {
        node {
          id
          ...conversions_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment conversions_row on Conversion @refetchable(queryName: "conversionsRowQuery") {
    id
    status
    payout {
      amount
      currency
    }
    offer {
      id
      name
    }
    transitions {
      to
      at
      by
    }
  }
`;

export const query = graphql`
  query conversionsQuery {
    ...conversions_list
  }
`;

export const changes = graphql`
  subscription conversionsChangedSubscription($after: String) {
    conversionChanged(after: $after) {
      changeCursor
      ...conversions_row
    }
  }
`;

export const approve = graphql`
  mutation conversionsApproveMutation($input: ApproveConversionsInput!) {
    approveConversions(input: $input) {
      conversions {
        ...conversions_row
      }
      userErrors {
        code
        field
        message
      }
    }
  }
`;
