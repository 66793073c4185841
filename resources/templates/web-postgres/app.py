from flask import Flask, redirect, render_template, request

import database

app = Flask(__name__)


@app.get("/")
def show():
    return render_template("index.html", entries=database.entries())


@app.post("/")
def sign():
    text = request.form.get("text", "").strip()
    if text:
        database.add(text[:500])
    return redirect("/")
