"""The texts of the sample documents and labelled examples, all written for this project; every name is invented."""

from __future__ import annotations

_CLAUSES = [
    ("Definitions", "In this agreement 'Confidential Information' means anything that one party shows the other in writing, by word of mouth or by letting it see its rooms, and that a careful person would keep to himself."),
    ("Use", "The receiving party uses Confidential Information only to judge whether the parties want to work together, and shows it only to those of its people who need it for that."),
    ("Exceptions", "Nothing here covers what is public without a breach, what the receiving party knew before, or what a court orders it to tell, provided it says so to the other party first where that is allowed."),
    ("Return", "On request the receiving party returns or destroys what it was given within thirty days, and confirms this in writing; copies in backups may age out in their ordinary time."),
    ("Term", "This agreement lasts two years from its effective date. The duty to keep things confidential lasts three years longer."),
    ("Remedies", "The parties agree that money may not be enough to make good a breach, and that a court may order the party in breach to stop."),
    ("Governing law", "This agreement is governed by the laws of the State of Delaware, and its courts decide."),
]  # fmt: skip

LONG_CONTRACT = (
    "MUTUAL NON-DISCLOSURE AGREEMENT\n\nThis agreement is made on 14 February 2024 by and between Northgate Instruments Ltd and\n"
    "Palm Harbour Clinics LLC, together the parties.\n\n"
    + "\n\n".join(
        f"{number}. {title}\n" + "\n".join(body[i : i + 90] for i in range(0, len(body), 90))
        for number, (title, body) in enumerate(_CLAUSES * 4, 1)
    )
    + "\n\nSigned for Northgate Instruments Ltd: ____________\nSigned for Palm Harbour Clinics LLC: ____________"
)

_INVOICES = [
    ("Bluefin Paper Ltd", "BF-2024-0117", "12 January 2024", "Copy paper A4, 40 boxes", "1,180.00 EUR", "DE89 3704 0044 0532 0130 00"),
    ("Harrow Dental Supplies Inc", "HD-88213", "3 March 2024", "Nitrile gloves, 200 packs", "$2,450.75", "GB82 WEST 1234 5698 7654 32"),
    ("Castor Machine Works GmbH", "CMW/1044", "2024-05-21", "Spindle bearing, service on site", "3.910,50 EUR", "DE89 3704 0044 0532 0130 00"),
    ("Lumen Studio Lighting LLC", "LS-555", "30 June 2024", "Hire of six soft lights, four days", "£640.00", "GB82 WEST 1234 5698 7654 32"),
    ("Orchard IT Services Ltd", "OIT-2024-78", "1 August 2024", "Support contract, third quarter", "5,400.00 EUR", "FR14 2004 1010 0505 0001 3M02 606"),
]  # fmt: skip

TEXTS: dict[str, str] = {}
for _n, (_who, _no, _when, _what, _sum, _iban) in enumerate(_INVOICES):
    TEXTS[f"invoice-{_n + 1}.{('pdf', 'txt', 'docx', 'html', 'pdf')[_n]}"] = (
        f"{_who}\nInvoice No: {_no}\nDate: {_when}\n\n{_what}\n\nSubtotal as above\nTotal due: {_sum}\n\n"
        f"Please pay within 30 days to IBAN {_iban}. Questions: billing@example.com"
    )

for _n, (_shop, _when, _items, _sum) in enumerate(
    [
        ("CORNER BAKERY", "04/02/2024 08:12", "2 CROISSANT 5.00\n1 COFFEE 3.20", "8.20"),
        ("GREEN LEAF PHARMACY", "17/03/2024 18:40", "PARACETAMOL 500MG 4.35\nPLASTERS 2.90", "7.25"),
        ("STATION HARDWARE SDN BHD", "25/04/2024 11:05", "WOOD SCREWS M4 12.00\nSANDING BLOCK 9.50", "21.50"),
        ("RIVERSIDE CAFE", "09/05/2024 13:31", "SOUP OF THE DAY 6.50\nSPARKLING WATER 2.50", "9.00"),
        ("CITY PARKING", "11/06/2024 22:10", "4 HOURS LEVEL 2 14.00", "14.00"),
    ]
):
    TEXTS[f"receipt-{_n + 1}.txt"] = (
        f"{_shop}\n12 HIGH STREET\n{_when}\n\n{_items}\n\nTOTAL {_sum}\nCASH 50.00\nTHANK YOU, COME AGAIN"
    )

for _n, (_a, _b, _about) in enumerate(
    [
        ("Meridian Print Ltd", "Foxglove Gallery Ltd", "the printing of two exhibition catalogues"),
        ("Alder Software GmbH", "Saint Brendan Hospital", "the licence of a rota planner for eighty nurses"),
        (
            "Kestrel Logistics Inc",
            "Dunmore Furniture Company",
            "the weekly carriage of goods between the parties' warehouses",
        ),
    ]
):
    TEXTS[f"contract-{_n + 1}.{('docx', 'md', 'pdf')[_n]}"] = (
        f"SERVICE AGREEMENT\n\nThis agreement is made on {_n + 5} April 2024 between {_a} and {_b}.\n"
        f"It is about {_about}.\nThe agreement begins on the day it is signed and ends after twelve months.\n"
        "Either party may end it with sixty days of notice in writing.\nIt is governed by the laws of Ireland.\n"
        "Each party is liable for the damage it causes up to the yearly fee."
    )

for _n, (_subject, _text) in enumerate(
    [
        ("The delivery came broken", "Dear team,\nthe lamp you sent on Tuesday arrived with a cracked shade. I am very unhappy about it and want my money back, or a new one this week.\nRegards, Petra Lindholm"),
        ("Wrong amount on my bill", "Hello,\nyou charged me twice for order ORD-77120. This is the second time, and nobody answers the phone. Please correct it at once.\nTomas Reyes"),
        ("Rude treatment at the counter", "To the manager,\nI waited for fifty minutes and was then sent away without a word of apology. I expect an explanation.\nG. Okafor"),
        ("Appointment on Thursday", "Good morning,\ncould we move my appointment with Dr Hale from Thursday 10:00 to Friday afternoon?\nThank you, Mina Sato"),
        ("New appointment for the eye test", "Hi,\nI would like to book an appointment for an eye test in the week of 15 April 2024. Mornings are best.\nBen Adler"),
        ("Order for the canteen", "Dear supplier,\nwe would like to order 60 kg of flour, 20 litres of milk and 300 eggs for Monday 6 May 2024. Order no CAN-2024-19.\nKitchen of Hillcrest School"),
        ("Application as a lab technician", "Dear Madam or Sir,\nI apply for the post of lab technician. I hold a diploma in chemistry and worked for four years at a water laboratory. My CV is attached.\nJonas Weiss"),
        ("Your price list", "Hello,\ndo you also sell the blue model, and what would fifty pieces cost with delivery to Cork?\nAoife Byrne"),
    ]
):  # fmt: skip
    TEXTS[f"mail-{_n + 1}.eml"] = f"{_subject}\n{_text}"

for _n, _text in enumerate(
    [
        "Purchase order PO-3391\nDate: 18 March 2024\nTo: Bluefin Paper Ltd\n\n120 envelopes C5\n30 folders, grey\n\nPlease deliver to the side entrance before noon. Total amount 96.40 EUR",
        "ORDER FORM\nOrder no: 88-1204\nCustomer: Foxglove Gallery Ltd\nItems: 4 display cases, oak; 1 ladder\nDelivery wanted: 2 May 2024\nGrand total $3,120.00",
        "# Monthly report, February 2024\n\nThe ward treated 412 patients, nine fewer than in January. Average stay fell from 3.4 to 3.1 days. Two ventilators were out of service for a week; the maker replaced both boards.",
        "# Incident report\n\nOn 9 March 2024 at 03:20 the cold store of building C rose to 9 degrees for forty minutes. The door seal had come loose. No goods were lost. The seal was replaced, and the alarm limit lowered.",
        "# Energy report of the second quarter\n\nThe plant used 1.24 GWh, 6 % below plan. The new compressor pays for itself in nineteen months. Night load remains high; we suggest to switch off line 3 at weekends.",
        "Minutes of the budget meeting, 22 April 2024\n\nPresent: Lindholm, Okafor, Sato. The report of the treasurer was accepted. The board asked for a forecast with 4 % less income.",
        "Dear hiring committee,\n\nI am applying for the position of bookkeeper. For six years I kept the books of a furniture maker with forty people, and closed each year in time. References are attached to this application.\n\nElena Marsh",
        "Application for the apprenticeship as a machinist\n\nI finish school in June and spent three holidays in the workshop of Castor Machine Works GmbH. I like precise work. My certificates are enclosed.",
    ]
):  # fmt: skip
    TEXTS[
        f"{('order-1.txt', 'order-2.docx', 'report-1.md', 'report-2.md', 'report-3.html', 'report-4.docx', 'application-1.pdf', 'application-2.txt')[_n]}"
    ] = _text

for _n, _text in enumerate(
    [
        "Where is my parcel? It should have come on Monday.",
        "Can I come on Tuesday at nine instead of ten?",
        "Please send two more boxes of the same gloves.",
        "The invoice of last month is still open, total due 80.00 EUR.",
        "I want to complain about the noise of the new machine.",
        "Notes from the visit\n\n- pump two leaks, order a seal\n- ask Castor Machine Works GmbH for a quote\n- next visit 12 July 2024",
        "Thank you for the quick repair. The printer works again.",
        "Is the pool open on Sunday?",
    ]
):
    TEXTS[f"note-{_n + 1}.txt"] = _text

TEXTS["stock-list.csv"] = (
    "article,quantity,price EUR,supplier\nCopy paper A4,40,29.50,Bluefin Paper Ltd\nNitrile gloves,200,12.25,Harrow Dental Supplies Inc\n"
    "Spindle bearing,2,410.00,Castor Machine Works GmbH\nSoft light,6,106.66,Lumen Studio Lighting LLC\n"
)
TEXTS["visits.csv"] = (
    "date;visitor;reason\n2024-03-04;Dr Hale;inspection\n2024-03-11;J. Weiss;interview\n2024-03-19;A. Byrne;delivery\n"
)

ARABIC: dict[str, str] = {
    "ar-invoice-1.txt": "شركة النخيل للتوريدات\nفاتورة رقم: NK-2024-31\nالتاريخ: 5 مارس 2024\n\nأقلام وأوراق مكتبية\n\nالإجمالي ١٬٢٥٠٫٠٠ ريال\nيرجى السداد خلال ثلاثين يوما",
    "ar-invoice-2.html": "مؤسسة البحر الأزرق\nفاتورة رقم: BB-778\nالتاريخ: 18 أبريل 2024\nصيانة أجهزة التكييف\nالمبلغ المستحق 860.00 ريال",
    "ar-complaint-1.eml": "شكوى من تأخر التسليم\nالسادة الكرام،\nطلبت الجهاز قبل ثلاثة أسابيع ولم يصل حتى اليوم، ولا يجيب أحد على اتصالي. أطلب استرداد المبلغ فورا.\nسلمى حداد",
    "ar-complaint-2.txt": "أشكو من سوء المعاملة في قسم الاستقبال، فقد انتظرت ساعة كاملة ثم طلب مني الموظف أن أعود غدا دون اعتذار.",
    "ar-appointment-1.txt": "أرجو تغيير موعدي مع الدكتور كريم من يوم الخميس إلى صباح الأحد إن أمكن. شكرا لكم.",
    "ar-appointment-2.eml": "حجز موعد جديد\nصباح الخير،\nأود حجز موعد لفحص الأسنان في الأسبوع القادم، ويناسبني الصباح.\nياسر منصور",
    "ar-contract-1.docx": "عقد تقديم خدمات\nأبرم هذا العقد في 2 مايو 2024 بين شركة الأفق للبرمجيات و مستشفى الرحمة العام.\nمدة العقد سنة واحدة تبدأ من تاريخ التوقيع.\nيجوز لأي من الطرفين إنهاء العقد بإشعار خطي قبل ستين يوما.",
    "ar-order-1.txt": "طلب شراء رقم الطلب: 4471\nنرجو توريد خمسين كرسيا وعشر طاولات قبل 20 يونيو 2024 إلى مدرسة الواحة.",
    "ar-report-1.md": "# تقرير شهر فبراير\n\nعالج القسم ٤١٢ مريضا بانخفاض قدره تسعة مرضى عن يناير. تعطل جهازان لمدة أسبوع وتم إصلاحهما.",
    "ar-application-1.txt": "السادة لجنة التوظيف،\nأتقدم بطلب للعمل بوظيفة محاسب. لدي خبرة ست سنوات في شركة أثاث، وأرفق سيرتي الذاتية وشهاداتي.",
    "ar-note-1.txt": "هل المكتبة مفتوحة يوم الجمعة؟",
    "ar-receipt-1.txt": "مخبز الركن\n04/02/2024 08:12\nخبز 5.00\nقهوة 3.20\nالمجموع 8.20",
}  # fmt: skip

#: What came in by the chat of a front desk: documents that stand in the lines of one file.
MESSAGES = [
    {"id": "desk-1", "lang": "en", "text": "Hello, my parcel should have come on 6 May 2024. Where is it? The order was OR-20455."},
    {"id": "desk-2", "lang": "en", "text": "Please move my appointment with Dr Lindqvist to Thursday 13 June 2024 at 14:30, if that is free."},
    {"id": "desk-3", "lang": "en", "text": "You charged my card twice for invoice BF-2024-0117. Please give the 1,180.00 EUR of the second time back."},
    {"id": "desk-4", "lang": "en", "text": "Is the car park open on Sunday? Write to me at anna.berg@example.com, please."},
    {"id": "desk-5", "lang": "ar", "text": "أريد إلغاء موعدي يوم ١٢ يونيو ٢٠٢٤ وحجز موعد آخر في الأسبوع التالي."},
    {"id": "desk-6", "lang": "ar", "text": "وصلتني فاتورة رقم 7781 بمبلغ 450 ريال وقد دفعتها من قبل، أرجو التصحيح."},
]  # fmt: skip

LABELS: dict[str, list[str]] = {
    "invoice": [
        "Invoice no 4471, total due 300.00 EUR, please pay within 14 days", "We invoice you for the repair of the pump, amount due $420.50",
        "Please find attached our invoice for March; bank details are below", "Invoice date 2 May 2024, subtotal 90.00, VAT 18.00, total due 108.00",
        "This bill is payable to the IBAN below within thirty days", "Final invoice for the hire of equipment, balance due 75.00 GBP",
        "فاتورة رقم 12 بتاريخ 3 مايو، الإجمالي 500 ريال، يرجى السداد", "مرفق فاتورة الصيانة والمبلغ المستحق خلال ثلاثين يوما",
    ],
    "receipt": [
        "SUPERMARKET TOTAL 23.40 CASH 30.00 CHANGE 6.60 THANK YOU", "CAFE 2 TEA 5.00 1 CAKE 4.20 TOTAL 9.20 CARD",
        "PHARMACY RECEIPT ASPIRIN 3.10 TOTAL 3.10 CASH 5.00", "PARKING 2 HOURS TOTAL 6.00 PAID", "BOOKSHOP 1 NOVEL 12.99 TOTAL 12.99 VISA COME AGAIN",
        "BAKERY BREAD 3.00 ROLLS 2.40 TOTAL 5.40 CASH 10.00", "بقالة الحي خبز 2.00 حليب 4.00 المجموع 6.00 نقدا", "مقهى شاي 3.00 كعك 5.00 المجموع 8.00",
    ],
    "contract": [
        "This agreement is made between the two companies and governed by the laws of Kenya", "The parties agree to keep all confidential information secret for five years",
        "Either party may terminate this contract with ninety days of written notice", "Lease agreement between the landlord and the tenant for a term of three years",
        "This service agreement begins on the effective date and ends after twelve months", "Non-disclosure agreement by and between the parties",
        "أبرم هذا العقد بين الطرف الأول والطرف الثاني لمدة سنة", "يجوز لأي من الطرفين إنهاء هذه الاتفاقية بإشعار خطي",
    ],
    "order": [
        "Purchase order: please deliver 40 chairs to our office", "We would like to order 200 boxes of gloves for next week", "Order form, item, quantity, delivery date",
        "Please send us ten more of the same cartridges", "We order herewith 3 pallets of bricks, order no 5512", "Our order for the kitchen: 50 kg of rice and 30 litres of oil",
        "نرجو توريد عشرين جهازا قبل نهاية الشهر", "طلب شراء: خمسون كرسيا وعشر طاولات",
    ],
    "complaint": [
        "I am very unhappy with your service and want my money back", "The product arrived broken and nobody answers my calls", "I was charged twice, please correct this at once",
        "I wish to complain about the rude behaviour of your staff", "My parcel is three weeks late and I expect an apology", "The noise is unbearable and you did nothing about it",
        "أشكو من سوء الخدمة وأطلب استرداد المبلغ", "وصل الجهاز مكسورا ولا يجيب أحد على اتصالي",
    ],
    "appointment": [
        "Could we move my appointment to Friday afternoon?", "I would like to book an appointment with the dentist", "Please cancel my visit on Monday at nine",
        "Is there a free slot for an eye test next week?", "I cannot come on Tuesday, can I have another time?", "Please confirm my appointment on 12 June at ten",
        "أود حجز موعد مع الطبيب الأسبوع القادم", "أرجو تأجيل موعدي إلى يوم الأحد",
    ],
    "report": [
        "Monthly report: the ward treated 300 patients and costs fell by two per cent", "Incident report: at 02:10 the alarm of the cold store went off",
        "The plant used less energy in the third quarter than planned", "Minutes of the meeting: the board accepted the report of the treasurer",
        "Quality report: 12 of 4,000 parts were rejected", "Annual report on safety: three minor accidents, none with lost days",
        "تقرير شهري: عالج القسم ثلاثمئة مريض وانخفضت التكاليف", "محضر الاجتماع: وافق المجلس على تقرير أمين الصندوق",
    ],
    "application": [
        "I am applying for the position of nurse; my CV is attached", "Application as a warehouse clerk with five years of experience", "Please consider me for the apprenticeship, my certificates are enclosed",
        "Dear hiring manager, I would like to join your team as an accountant", "I hold a degree in biology and apply for the post in your laboratory", "My references and diploma are attached to this application",
        "أتقدم بطلب للعمل بوظيفة ممرض وأرفق سيرتي الذاتية", "لدي خبرة خمس سنوات وأرغب في الانضمام إلى فريقكم",
    ],
}  # fmt: skip
