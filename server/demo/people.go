package demo

import "github.com/proofback/proofback"

// Password is every demo user's.
const Password = "proofback-demo"

// SignIn is a demo user.
type SignIn struct {
	Email string
	Role  proofback.Role
	Of    string // the partner's name; "" for staff
}

// SignIns are the demo users: one at least of each role.
var SignIns = []SignIn{
	{"admin@demo.example", proofback.RoleAdmin, ""},
	{managerEmail, proofback.RoleManager, ""},
	{"fjell@demo.example", proofback.RoleAffiliate, fjell},
	{"kupong@demo.example", proofback.RoleAffiliate, kupong},
	{"nordlys@demo.example", proofback.RoleAdvertiser, nordlys},
	{"brightbank@demo.example", proofback.RoleAdvertiser, brightbank},
}

const managerEmail = "manager@demo.example"
