package traffic

// noteTexts are what agents write on calls, each longer than thirty characters.
var noteTexts = []string{
	"Wants the invoice sent again, this time to the accounts address.",
	"Delivery came two pallets short. Credit note promised by Friday.",
	"Asked for a quote for forty units; needs it before the board meeting.",
	"Called back as agreed, no news from the carrier yet.\nWill ring again on Tuesday.",
	"Cliente mécontente du délai de livraison : à rappeler avant jeudi.",
	"Kunde möchte die Lieferadresse ändern, Formular per E-Mail geschickt.",
	"Résilie le contrat de maintenance à la fin de l’année (c'est confirmé).",
	"Could not hear the caller well — bad line. Ticket opened \\ waiting.",
}

// unusualNotes are notes in right-to-left script or full of emoji.
var unusualNotes = []string{
	"طلب العميل إعادة إرسال الفاتورة إلى قسم المحاسبة 📄",
	"הלקוח ביקש הצעת מחיר לארבעים יחידות עד יום חמישי",
	"Très contente 🎉🎉 — veut parler à 👩‍🚀 Coco 🦜",
}

// editTexts are what agents add to a note when they edit it.
var editTexts = []string{
	"Edit: done.",
	"Edit: the customer has written meanwhile, see the ticket.",
	"(corrigé : c'est la commande de mars)",
}
