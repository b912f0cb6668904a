package glific

// document is a GraphQL document with one root field.
type document struct {
	operation  Operation
	field      string
	text       string
	repeatable bool // may run twice without harm
}

const contactFields = `id status bspStatus optinTime optoutTime`

var contactByPhone = document{OpContactByPhone, "contactByPhone", `query ContactByPhone($phone: String!) {
  contactByPhone(phone: $phone) {
    contact { ` + contactFields + ` }
    errors { key message }
  }
}`, true}

// A repeated opt-in would overwrite what somebody changed in between.
var optinContact = document{OpOptinContact, "optinContact", `mutation OptinContact($phone: String!, $name: String) {
  optinContact(phone: $phone, name: $name) {
    contact { ` + contactFields + ` }
    errors { key message }
  }
}`, false}

// sendHsmMessage would be the simpler mutation, but it takes no sendAt, so that
// nobody could tell afterwards whether a message was accepted.
var createAndSendMessage = document{OpSend, "createAndSendMessage", `mutation Send($input: MessageInput!) {
  createAndSendMessage(input: $input) {
    message { id templateId sendAt status bspStatus isHsm }
    errors { key message }
  }
}`, false}

var search = document{OpFindSent, "search", `query FindSent($contact: Gid!, $limit: Int!) {
  search(filter: {ids: [$contact]}, contactOpts: {limit: 1}, messageOpts: {limit: $limit}) {
    contact { id }
    messages { id templateId isHsm sendAt status bspStatus insertedAt }
  }
}`, true}
