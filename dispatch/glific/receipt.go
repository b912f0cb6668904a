package glific

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// ReceiptsAtOnce is how many receipts go in one document at most.
const ReceiptsAtOnce = 25

// ReceiptStatus is what has become of a message, ordered by how far it has come.
type ReceiptStatus int

// The receipt statuses. Glific's own may fall back, as callbacks come in any order:
// keep the highest. ReceiptError stands for itself; Glific may still try once more,
// within about 20 seconds, so that it is final only after two minutes.
const (
	ReceiptPending   ReceiptStatus = iota // not handed to WhatsApp's provider yet
	ReceiptEnqueued                       // the provider has it
	ReceiptSent                           // the provider has sent it
	ReceiptDelivered                      // it is on the phone
	ReceiptRead                           // it was opened
	ReceiptError                          // it will not reach the phone
	ReceiptGone                           // Glific has no such message, or not any more: it keeps them for two months
)

var receiptNames = map[ReceiptStatus]string{
	ReceiptPending: "pending", ReceiptEnqueued: "enqueued", ReceiptSent: "sent", ReceiptDelivered: "delivered",
	ReceiptRead: "read", ReceiptError: "error", ReceiptGone: "gone",
}

// String is the status as logs and tables show it.
func (s ReceiptStatus) String() string { return receiptNames[s] }

// Receipt is what Glific knows of a message that it had accepted.
type Receipt struct {
	Status    ReceiptStatus
	Code      int       // of ReceiptError: Gupshup's or WhatsApp's code; 0 if there is none
	Reason    string    // of ReceiptError: the provider's text, "" if there is none. It may hold a phone number: not for logs
	UpdatedAt time.Time // when Glific last changed the message; zero for ReceiptGone
}

// Receipts asks for the states of messages by Glific's ids, up to ReceiptsAtOnce in
// one document. Ids that Glific does not have are ReceiptGone. What was learnt is
// returned beside an error as well; ids without an answer are not in it.
func (c *Client) Receipts(ctx context.Context, ids []string) (receipts map[string]Receipt, err error) {
	defer func() { c.metrics.count(OpReceipts, err) }()
	var variables []map[string]any
	for _, id := range ids {
		variables = append(variables, map[string]any{"id": id})
	}
	receipts = make(map[string]Receipt, len(ids))
	for i, r := range c.calls(ctx, messageByID, variables...) {
		receipt, failure := Receipt{}, r.err
		if failure == nil {
			receipt, failure = c.receipt(r.reply, ids[i])
		}
		if failure != nil {
			err = failure
			continue
		}
		receipts[ids[i]] = receipt
	}
	return receipts, err
}

// receipt reads a MessageResult.
func (c *Client) receipt(r reply, id string) (Receipt, error) {
	var payload struct {
		Message *struct {
			ID        identifier      `json:"id"`
			Status    string          `json:"status"`
			BSPStatus string          `json:"bspStatus"` // empty until it was handed to WhatsApp's provider
			Errors    json.RawMessage `json:"errors"`
			UpdatedAt instant         `json:"updatedAt"`
		} `json:"message"`
		Errors inputErrors `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return Receipt{}, err
	}
	m := payload.Message
	if m == nil {
		err := c.failure(r, payload.Errors)
		if hasCode(err, ResourceNotFound) {
			return Receipt{Status: ReceiptGone}, nil
		}
		return Receipt{}, err
	}
	if string(m.ID) != id {
		return Receipt{}, c.fail(r.operation, BadAnswer, "the answer is about another message", nil)
	}
	receipt := Receipt{Status: receiptStatus(m.Status, m.BSPStatus), UpdatedAt: time.Time(m.UpdatedAt)}
	if receipt.Status == ReceiptError {
		receipt.Code, receipt.Reason = providerError(m.Errors)
	}
	return receipt, nil
}

// receiptStatus is the highest meaning of Glific's own status and the provider's.
func receiptStatus(status, bspStatus string) ReceiptStatus {
	switch strings.ToUpper(bspStatus) {
	case "READ", "SEEN", "PLAYED":
		return ReceiptRead
	case "DELIVERED", "REACHED", "DELETED": // deleted on the phone
		return ReceiptDelivered
	case "SENT":
		return ReceiptSent
	case "ERROR", "CONTACT_OPT_OUT":
		return ReceiptError
	case "":
		switch strings.ToUpper(status) {
		case "ERROR", "CONTACT_OPT_OUT": // stored, but never handed over
			return ReceiptError
		case "SENT":
			return ReceiptEnqueued
		}
		return ReceiptPending
	default:
		return ReceiptEnqueued
	}
}

// providerError reads a message's errors: JSON, mostly inside a JSON string, in one of
// three forms: {"message": …} of a refusal, {"payload": {"payload": {"code", "reason"}}}
// of a callback and of a network failure, or nothing.
func providerError(raw json.RawMessage) (code int, reason string) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	type said struct {
		Code    json.RawMessage `json:"code"`
		Reason  string          `json:"reason"`
		Message string          `json:"message"`
	}
	var errors struct {
		said
		Payload struct {
			said
			Payload said `json:"payload"`
		} `json:"payload"`
	}
	if json.Unmarshal(raw, &errors) != nil {
		return 0, text
	}
	for _, s := range []said{errors.Payload.Payload, errors.Payload.said, errors.said} {
		if n, err := strconv.Atoi(strings.Trim(string(s.Code), `"`)); err == nil && code == 0 {
			code = n
		}
		if reason == "" {
			reason = s.Reason
		}
		if reason == "" {
			reason = s.Message
		}
	}
	return code, reason
}
