"""The judge on a case: certificates, minimality and the tests beside them. Knows no search."""
