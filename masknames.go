package proofback

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names that give a value away, in lower case. Words stand anywhere in a name of
// several (security_token, customer[email]); whole names must match altogether
// but for separators (name, first-name; not goal_name).
var (
	secretWords = []string{
		"apikey", "auth", "authorization", "bearer", "cvc", "cvv", "hmac", "jwt", "otp", "passphrase", "passwd",
		"password", "pin", "pwd", "secret", "session", "sessionid", "sig", "sign", "signature", "token",
	}
	secretNames = []string{"apisecret", "accesskey", "clientsecret", "credentials", "hash", "key", "pass", "privatekey", "secretkey"}

	emailWords = []string{"email", "mail"}
	phoneWords = []string{"msisdn", "phone", "tel", "telephone"}
	phoneNames = []string{"cell", "mobile"}
	cardWords  = []string{"card", "cardno", "cardnumber", "ccnumber", "iban", "pan"}

	personWords = []string{
		"birthdate", "birthday", "dob", "fio", "firstname", "fname", "fullname", "lastname", "lname", "middlename",
		"passport", "patronymic", "ssn", "street", "surname",
	}
	personNames = []string{
		"address", "buyername", "cardholder", "clientname", "contactname", "customername", "dateofbirth", "familyname",
		"firstname", "fullname", "givenname", "lastname", "middlename", "name", "realname", "taxid", "username",
	}
)

// sensitiveName says what a parameter of this name holds that must be masked.
func sensitiveName(name string) string {
	words := nameWords(name)
	whole := strings.Join(words, "")
	holds := func(list []string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(list, w) })
	}
	switch {
	case holds(secretWords), slices.Contains(secretNames, whole), strings.Contains(whole, "apikey"),
		strings.Contains(whole, "token"), strings.Contains(whole, "password"), strings.Contains(whole, "secret"):
		return maskSecret
	case holds(emailWords), strings.Contains(whole, "email"):
		return maskEmail
	case holds(phoneWords), slices.Contains(phoneNames, whole), strings.Contains(whole, "phone"):
		return maskPhone
	case holds(cardWords):
		return maskCard
	case holds(personWords), slices.Contains(personNames, whole),
		len(words) > 2 && slices.Contains(personNames, words[len(words)-2]+words[len(words)-1]):
		return maskPerson
	}
	return maskNothing
}

// nameWords splits user_email, user-email, user[email] and userEmail alike, and
// lower-cases the words.
func nameWords(name string) []string {
	var words []string
	start, lower := 0, false
	flush := func(end int) {
		if start < end {
			words = append(words, strings.ToLower(name[start:end]))
		}
	}
	for i, r := range name {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush(i)
			_, size := utf8.DecodeRuneInString(name[i:]) // of a byte that is no text: 1
			start = i + size
		case unicode.IsUpper(r) && lower:
			flush(i)
			start = i
		}
		lower = unicode.IsLower(r)
	}
	flush(len(name))
	return words
}
