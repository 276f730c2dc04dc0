"""Function `webhook` as one would write it in Python: pywa proves Meta's signature and reads the call, which goes on a
queue; FastAPI answers, Mangum is between it and Lambda."""

import json
import os

import boto3
from fastapi import FastAPI
from mangum import Mangum
from pywa import WhatsApp

sqs = boto3.client("sqs")
app = FastAPI()
whatsapp = WhatsApp(
    server=app,
    webhook_endpoint=os.environ["WEBHOOK_PATH"],
    verify_token="unused",
    app_secret=os.environ["APP_SECRET"],
    filter_updates=False,
    # The same calls are measured again and again.
    skip_duplicate_updates=False,
)


@whatsapp.on_raw_update
def keep(_, update):
    sqs.send_message(QueueUrl=os.environ["INBOUND_QUEUE_URL"], MessageBody=json.dumps(update))


handler = Mangum(app, lifespan="off")
